package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Sources is where settings come from.
type Sources struct {
	Services []string       // all there are
	Flags    *pflag.FlagSet // made by AddFlags; nil: none
	Environ  []string       // as of os.Environ
	File     string         // YAML; empty: none
}

// Value is a setting with what it is and why.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"` // flag --x, variable ORDO_X, file PATH or default
}

// Error says what is wrong with a setting. It shows no value that may be secret.
type Error struct {
	Key    string
	Source string
	Reason string
}

func (e *Error) Error() string {
	if e.Source == "" {
		return e.Key + ": " + e.Reason
	}
	return fmt.Sprintf("%s (%s): %s", e.Key, e.Source, e.Reason)
}

// Config is all settings.
type Config struct {
	services []string
	values   []Value
	byKey    map[string]Value
}

// AddFlags adds a flag for each setting.
func AddFlags(flags *pflag.FlagSet, services []string) {
	for _, k := range Keys(services) {
		usage := k.Help
		if k.Default != "" {
			usage += " (default " + k.Default + ")"
		}
		flags.String(k.Flag(), "", usage)
	}
}

// layer is one source of settings.
type layer struct {
	values *koanf.Koanf
	source func(Key) string
}

// Load reads all sources. Whatever is wrong is said at once: each mistake is an *[Error] within the error.
func Load(s Sources) (*Config, error) {
	keys := Keys(s.Services)
	layers, err := s.layers(keys)
	if err != nil {
		return nil, err
	}
	c := &Config{services: s.Services, byKey: map[string]Value{}}
	var wrong []error
	for _, k := range keys {
		v := Value{Key: k.Name, Source: "default"}
		for _, l := range layers {
			if l.values.Exists(k.Name) {
				v.Value, err = text(l.values.Get(k.Name), k.list)
				v.Source = l.source(k)
				if err != nil {
					break
				}
			}
		}
		if err == nil && v.Value != "" && k.check != nil {
			err = k.check(v.Value)
		}
		if err != nil {
			wrong = append(wrong, &Error{k.Name, v.Source, err.Error()})
			err = nil
		}
		c.values = append(c.values, v)
		c.byKey[k.Name] = v
	}
	return c, errors.Join(wrong...)
}

// layers are the sources, the strongest last.
func (s Sources) layers(keys []Key) ([]layer, error) {
	defaults, fromFile, fromEnv, fromFlags := koanf.New("."), koanf.New("."), koanf.New("."), koanf.New(".")
	byVariable, byFlag, plain := map[string]Key{}, map[string]Key{}, map[string]any{}
	for _, k := range keys {
		byVariable[k.Variable()], byFlag[k.Flag()] = k, k
		plain[k.Name] = k.Default
	}
	var wrong []error
	if err := defaults.Load(confmap.Provider(plain, "."), nil); err != nil {
		return nil, err
	}
	if s.File != "" {
		if err := fromFile.Load(file.Provider(s.File), yaml.Parser()); err != nil {
			return nil, &Error{"file " + s.File, "", err.Error()}
		}
		wrong = append(wrong, unknownInFile(fromFile, s.File, keys)...)
	}
	err := fromEnv.Load(env.Provider(".", env.Opt{
		Prefix:      Prefix,
		EnvironFunc: func() []string { return s.Environ },
		TransformFunc: func(name, value string) (string, any) {
			k, known := byVariable[name]
			switch {
			case !known && !isOthers(name):
				wrong = append(wrong, &Error{name, "", "is no setting" + meant(name, keys, Key.Variable)})
				return "", nil
			case value == "": // as compose files write a variable that is not set
				return "", nil
			}
			return k.Name, value
		},
	}), nil)
	if err != nil {
		return nil, err
	}
	if s.Flags != nil {
		err := fromFlags.Load(posflag.ProviderWithFlag(s.Flags, ".", nil, func(f *pflag.Flag) (string, any) {
			k := byFlag[f.Name]
			if f.Changed && k.Name != "" && f.Value.String() == "" {
				wrong = append(wrong, &Error{"--" + f.Name, "", "is empty"})
			}
			return k.Name, f.Value.String()
		}), nil)
		if err != nil {
			return nil, err
		}
	}
	return []layer{
		{defaults, func(Key) string { return "default" }},
		{fromFile, func(Key) string { return "file " + s.File }},
		{fromEnv, func(k Key) string { return "variable " + k.Variable() }},
		{fromFlags, func(k Key) string { return "flag --" + k.Flag() }},
	}, errors.Join(wrong...)
}

func unknownInFile(k *koanf.Koanf, path string, keys []Key) (wrong []error) {
	for name, value := range k.All() {
		if m, isMap := value.(map[string]any); value == nil || isMap && len(m) == 0 {
			continue // a heading with nothing below it
		}
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.Name == name }) {
			wrong = append(wrong, &Error{name, "file " + path, "is no setting" + meant(name, keys, func(k Key) string { return k.Name })})
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return wrong
}

// isOthers tells whether a variable belongs to another part of the program.
func isOthers(name string) bool {
	if strings.HasPrefix(name, "ORDO_TEST_") {
		return true
	}
	return slices.Contains([]string{
		"ORDO_CONFIG", "ORDO_URL", "ORDO_DATA_DIR", "ORDO_DATABASE_URL", "ORDO_POSTGRES_BIN", "ORDO_POSTGRES_REPOSITORY",
		"ORDO_REQUIRE_CONTAINERS", "ORDO_SKIP_CONTAINERS", "ORDO_CRASH_ROUNDS",
	}, name)
}

// text is a value in the one form in which it is checked and shown.
func text(value any, list bool) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	case []any:
		if !list {
			break
		}
		parts := make([]string, len(v))
		for i, part := range v {
			parts[i] = fmt.Sprint(part)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("want one value")
}

// Values are all settings with where they came from.
func (c *Config) Values() []Value { return c.values }

// Get is the text of a setting, empty if it is not set.
func (c *Config) Get(key string) string {
	v, known := c.byKey[key]
	if !known {
		panic("config: no key " + key) // our own mistake
	}
	return v.Value
}

// Need is Get for a setting that must be there.
func (c *Config) Need(key string) (string, error) {
	if value := c.Get(key); value != "" {
		return value, nil
	}
	for _, k := range Keys(c.services) {
		if k.Name == key {
			return "", &Error{Key: key, Reason: fmt.Sprintf("is missing: set %s or --%s", k.Variable(), k.Flag())}
		}
	}
	return "", nil
}

// Secret reads the file that a setting names. It is nil if the setting is not set; a file that is empty is a mistake. Line
// ends at the end of the file do not count.
func (c *Config) Secret(key string) ([]byte, error) {
	secret, err := readSecret(c.Get(key))
	if err != nil {
		return nil, &Error{key, c.byKey[key].Source, err.Error()}
	}
	return secret, nil
}

func readSecret(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimRight(content, "\r\n")
	if len(secret) == 0 {
		return nil, fmt.Errorf("file %s is empty", file)
	}
	return secret, nil
}
