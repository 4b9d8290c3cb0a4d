package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ordo-platform/ordo/internal/config"
)

var services = []string{"orders", "views"}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, file string, environ []string, args ...string) (*config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(flags, services)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return config.Load(config.Sources{Services: services, Flags: flags, Environ: environ, File: file})
}

// Flags win over variables, those over the file, that over defaults, and each value says where it is from.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := write(t, "kafka:\n  brokers: [f-1:1, f-2:2]\n  replication: 2\nhttp:\n  addr: :1\ninternal: {addr: ':1'}\nlog:\n")
	c, err := load(t, file, []string{"ORDO_HTTP_ADDR=:2", "ORDO_INTERNAL_ADDR=:2", "ORDO_LOG_LEVEL=", "HOME=/x", "ORDO_URL=http://x"}, "--internal-addr=:3")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]config.Value{}
	for _, v := range c.Values() {
		got[v.Key] = v
	}
	for key, want := range map[string]config.Value{
		"internal.addr":       {Value: ":3", Source: "flag --internal-addr"},
		"http.addr":           {Value: ":2", Source: "variable ORDO_HTTP_ADDR"},
		"kafka.brokers":       {Value: "f-1:1,f-2:2", Source: "file " + file},
		"kafka.replication":   {Value: "2", Source: "file " + file},
		"log.level":           {Value: "info", Source: "default"},
		"orders.internal_url": {Value: "http://orders:9080", Source: "default"},
	} {
		want.Key = key
		if got[key] != want {
			t.Errorf("got %+v, want %+v", got[key], want)
		}
	}
}

// Each mistake is said with its place and what was meant, and none shows a secret.
func TestMistakes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		file, env, flag string
		want            string
	}{
		{env: "ORDO_KAFKA_BROKER=x:1", want: "ORDO_KAFKA_BROKER: is no setting, did you mean ORDO_KAFKA_BROKERS?"},
		{env: "ORDO_ZZZ=1", want: `ORDO_ZZZ: is no setting: "ordo config show" lists all`},
		{file: "kafka:\n  replicaton: 1\n", want: "is no setting, did you mean kafka.replication?"},
		{file: "kafka: [\n", want: "file "},
		{file: "http:\n  addr: [a, b]\n", want: "want one value"},
		{env: "ORDO_KAFKA_REPLICATION=none", want: "kafka.replication (variable ORDO_KAFKA_REPLICATION): want a number from 1 to 99"},
		{env: "ORDO_DRAIN_DELAY=1m", want: "drain_delay (variable ORDO_DRAIN_DELAY): want a duration from 0s to 1s"},
		{flag: "--http-addr=8080", want: "http.addr (flag --http-addr): want HOST:PORT"},
		{flag: "--http-addr=", want: "--http-addr: is empty"},
		{env: "ORDO_ORDERS_DATABASE_URL=postgres://me:s3cret@db/orders", want: "orders.database_url (variable ORDO_ORDERS_DATABASE_URL): holds a password"},
		{env: "ORDO_ORDERS_DATABASE_URL=postgres://me@db/orders?password=s3cret", want: "holds a password"},
		{env: "ORDO_ORDERS_DATABASE_URL=mysql://me:s3cret@db/orders", want: "want an address like postgres://"},
	}
	for _, c := range cases {
		file := ""
		if c.file != "" {
			file = write(t, c.file)
		}
		var args []string
		if c.flag != "" {
			args = []string{c.flag}
		}
		_, err := load(t, file, []string{c.env}, args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	password := write(t, "p@ss/word\n")
	c, err := load(t, "", []string{"ORDO_ORDERS_DATABASE_URL=postgres://me@db/orders?sslmode=require", "ORDO_ORDERS_DATABASE_PASSWORD_FILE=" + password})
	if err != nil {
		t.Fatal(err)
	}
	url, err := c.DatabaseURL("orders", true)
	if want := "postgres://me:p%40ss%2Fword@db/orders?sslmode=require"; err != nil || url != want {
		t.Errorf("got %s, %v, want %s", url, err, want)
	}
	if url, err := c.DatabaseURL("orders", false); err != nil || strings.Contains(url, "word") {
		t.Errorf("got %s, %v", url, err)
	}
	if _, err := c.DatabaseURL("views", true); err == nil || !strings.Contains(err.Error(), "ORDO_VIEWS_DATABASE_URL") {
		t.Errorf("missing: %v", err)
	}
	for _, file := range []string{write(t, "\n"), "/does/not/exist"} {
		c, err := load(t, "", []string{"ORDO_ORDERS_DATABASE_URL=postgres://me@db/orders", "ORDO_ORDERS_DATABASE_PASSWORD_FILE=" + file})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.DatabaseURL("orders", true); err == nil {
			t.Errorf("%s was taken", file)
		}
	}
}
