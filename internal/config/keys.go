package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Prefix is that of all variables.
const Prefix = "ORDO_"

// Key is a setting.
type Key struct {
	Name    string // with dots, as the places in a file
	Default string
	Help    string

	check func(string) error // of a value that is not empty
	list  bool
}

// Flag is the name of its flag.
func (k Key) Flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.Name) }

// Variable is the name of its environment variable.
func (k Key) Variable() string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Keys are all settings for processes that run the named services, in the order they are shown.
func Keys(services []string) []Key {
	keys := []Key{
		{Name: "http.addr", Default: "127.0.0.1:8080", Help: "`address` to serve the API on", check: listenAddr},
		{Name: "internal.addr", Default: "127.0.0.1:9080", Help: "`address` to serve health, metrics and the logs on; strangers must not reach it", check: listenAddr},
		{Name: "kafka.brokers", Help: "some of the brokers (`host:port,...`)", check: brokers, list: true},
		{Name: "kafka.replication", Default: "3", Help: "copies of each partition of the topics", check: number(1, 99)},
		{Name: "payments.provider_url", Help: "base address of the payment provider (`url`)", check: httpURL},
		{Name: "payments.provider_timeout", Default: "10s", Help: "how long one call to the payment provider may take", check: duration},
		{Name: "product_ttl", Default: "2s", Help: "how long a product may be answered with, and ordered at, as it was read before, if no event says that it has changed", check: duration},
		{Name: "drain_delay", Default: "1s", Help: "for how long to say not ready before the API stops taking requests, at most 1s", check: drainDelay},
		{Name: "views.cursor_key_file", Help: "`file` with the key that signs list cursors, the same for all replicas of views (at least 32 bytes)"},
		{Name: "log.level", Default: "info", Help: "debug, info, warn or error", check: oneOf("debug", "info", "warn", "error")},
		{Name: "log.format", Default: "json", Help: "json or text", check: oneOf("json", "text")},
		{Name: "unsafe_durability", Default: "false", Help: "accept a Postgres server that loses orders in a crash: throw-away runs only", check: oneOf("true", "false")},
	}
	for _, s := range services {
		keys = append(keys,
			Key{Name: s + ".database_url", Help: "database of " + s + ", for the role it runs under, without a password (`url`)", check: databaseURL},
			Key{Name: s + ".database_password_file", Help: "`file` with that role's password"},
			Key{Name: s + ".owner_url", Help: "the same database for the role that makes its tables, for \"ordo migrate\" (`url`)", check: databaseURL},
			Key{Name: s + ".owner_password_file", Help: "`file` with that role's password"},
			Key{Name: s + ".internal_url", Default: "http://" + s + ":9080", Help: "where other processes find the internal.addr of " + s + " (`url`)", check: httpURL},
		)
	}
	return keys
}

func listenAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil {
		return errors.New("want HOST:PORT, like 127.0.0.1:8080")
	}
	return nil
}

func brokers(list string) error {
	for addr := range strings.SplitSeq(list, ",") {
		host, port, err := net.SplitHostPort(addr)
		if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || host == "" {
			return errors.New("want addresses like kafka-1:9092,kafka-2:9092")
		}
	}
	return nil
}

func number(low, high int) func(string) error {
	return func(text string) error {
		if n, err := strconv.Atoi(text); err != nil || n < low || n > high {
			return fmt.Errorf("want a number from %d to %d", low, high)
		}
		return nil
	}
}

func duration(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		return errors.New("want a duration like 10s")
	}
	return nil
}

// drainDelay keeps the whole stop below ten seconds, after which supervisors kill.
func drainDelay(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d < 0 || d > time.Second {
		return errors.New("want a duration from 0s to 1s")
	}
	return nil
}

func httpURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" {
		return errors.New("want an address like http://orders:9080")
	}
	return nil
}

// errPassword must not show what it is about.
var errPassword = errors.New("holds a password: put that into a file and name the file in the setting that ends with password_file")

func databaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.User.Username() == "" || strings.Trim(u.Path, "/") == "" {
		return errors.New("want an address like postgres://role@db.example.com/database")
	}
	if _, set := u.User.Password(); set || u.Query().Has("password") {
		return errPassword
	}
	return nil
}

func oneOf(values ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(values, text) {
			return fmt.Errorf("want one of %s", strings.Join(values, ", "))
		}
		return nil
	}
}
