package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/config"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/postgres"
)

// configVariable names the variable for --config.
const configVariable = "ORDO_CONFIG"

func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve SERVICE...",
		Short: "Run services on your own Postgres and Kafka",
		Long: `Run one or more services in this process: ` + strings.Join(app.Services(), ", ") + `. Any number of processes may run the
same service: they share its partitions, and one of them at a time publishes its log.

Tables and topics must have been made by "ordo migrate"; what differs is said, and nothing is started. Two addresses are
served: http.addr has the API of the services, internal.addr has /livez, /readyz, /metrics and what other processes read.
SIGTERM stops in order within 10 seconds: /readyz turns red, no more requests are taken, the work in hand is finished, groups
are left and leases released.

Settings are flags, else ORDO_ variables, else the file of --config, else defaults; "ordo config show" lists them with where
they come from. Passwords are in files that settings name.`,
		Example: `  ordo serve orders
  ordo serve catalog customers --http-addr :8080 --internal-addr :9080`,
		ValidArgs: app.Services(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "no service: want some of %s", strings.Join(app.Services(), ", "))
			}
			return checkAnyServices(cmd, args)
		},
		RunE: func(cmd *cobra.Command, services []string) error { return serve(cmd, services) },
	}
	addConfigFlags(cmd)
	return cmd
}

// checkAnyServices refuses what is no service, or named twice.
func checkAnyServices(cmd *cobra.Command, services []string) error {
	for i, service := range services {
		if !slices.Contains(app.Services(), service) {
			return usagef(cmd, "%q is not a service: want some of %s", service, strings.Join(app.Services(), ", "))
		}
		if slices.Contains(services[:i], service) {
			return usagef(cmd, "%s is named twice", service)
		}
	}
	return nil
}

func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().String("config", "", "YAML `file` with settings (default $"+configVariable+")")
	config.AddFlags(cmd.Flags(), app.Services())
	for _, service := range app.Services() { // a screen of them for each: the variables are what one uses
		for _, k := range config.Keys(app.Services()) {
			if strings.HasPrefix(k.Name, service+".") && !strings.HasPrefix(k.Name, "payments.provider") {
				_ = cmd.Flags().MarkHidden(k.Flag()) // fails for flags that are not there: our own mistake
			}
		}
	}
}

// loadConfig reads the settings for a command with addConfigFlags.
func loadConfig(cmd *cobra.Command) (*config.Config, error) {
	if err := refuseEmpty(cmd, "config"); err != nil {
		return nil, err
	}
	file := cmd.Flag("config").Value.String()
	if file == "" {
		file = os.Getenv(configVariable)
	}
	c, err := config.Load(config.Sources{Services: app.Services(), Flags: cmd.Flags(), Environ: os.Environ(), File: file})
	return c, configError(err)
}

// configError makes a mistake in the settings one of usage: nothing was tried.
func configError(err error) error {
	if _, ok := errors.AsType[*config.Error](err); !ok {
		return err
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	return &commandError{err: errors.New(text), exit: exitUsage, code: "config", advice: "See: ordo config show"}
}

func serve(cmd *cobra.Command, services []string) error {
	settings, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	c, err := serveConfig(cmd, settings, services)
	if err != nil {
		return configError(err)
	}
	collectLess()
	ctx := cmd.Context()
	if c.Listener, err = listen(ctx, settings.Get("http.addr"), "http.addr"); err != nil {
		return err
	}
	if c.LogListener, err = listen(ctx, settings.Get("internal.addr"), "internal.addr"); err != nil {
		_ = c.Listener.Close()
		return err
	}
	platform, err := app.New(ctx, c)
	if err != nil {
		return serveError(err)
	}
	c.Logger.InfoContext(ctx, "serving", "services", services, "http", platform.Addr(), "internal", platform.LogAddr())
	err = platform.Run(ctx)
	switch {
	case err != nil:
		return err
	case interrupted(ctx):
		return &commandError{err: errors.New("stopped"), exit: exitInterrupted, code: "interrupted"}
	}
	c.Logger.InfoContext(ctx, "stopped")
	return nil
}

func listen(ctx context.Context, addr, setting string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &commandError{err: err, exit: exitFailed, code: "start_failed", advice: "Choose another address with " + setting}
	}
	return listener, nil
}

// serveConfig is what the settings mean for a process that runs some services.
func serveConfig(cmd *cobra.Command, settings *config.Config, services []string) (app.Config, error) {
	c, err := serverConfig(cmd, settings, services)
	if err != nil {
		return c, err
	}
	var errs []error
	c.Prepared, c.HealthApart, c.Logs = true, true, map[string]string{}
	c.DrainDelay, _ = time.ParseDuration(settings.Get("drain_delay"))                   // checked when loaded
	c.PaymentTimeout, _ = time.ParseDuration(settings.Get("payments.provider_timeout")) // the same
	c.ProductTTL, _ = time.ParseDuration(settings.Get("product_ttl"))                   // the same
	for _, service := range services {
		c.Databases[service], err = settings.DatabaseURL(service, true)
		errs = append(errs, err)
		if service == app.Payments {
			c.PaymentProvider, err = settings.Need("payments.provider_url")
			errs = append(errs, err)
		}
		if service == app.Views {
			if c.CursorKey, err = settings.Secret("views.cursor_key_file"); err == nil && c.CursorKey != nil && len(c.CursorKey) < httpapi.MinCursorKeyLength {
				err = &config.Error{Key: "views.cursor_key_file", Reason: fmt.Sprintf("the key needs %d bytes", httpapi.MinCursorKeyLength)}
			}
			errs = append(errs, err)
		}
	}
	for _, service := range logServices() {
		if !slices.Contains(services, service) {
			c.Logs[service] = settings.Get(service + ".internal_url")
		}
	}
	return c, errors.Join(errs...)
}

// serverConfig is what serving and migrating have in common.
func serverConfig(cmd *cobra.Command, settings *config.Config, services []string) (app.Config, error) {
	brokers, err := settings.Need("kafka.brokers")
	if err != nil {
		return app.Config{}, err
	}
	replication, _ := strconv.ParseInt(settings.Get("kafka.replication"), 10, 16) // checked when loaded
	return app.Config{
		Services: services, Databases: map[string]string{}, Owners: map[string]string{},
		Brokers: strings.Split(brokers, ","), Replication: int16(replication),
		UnsafeDurability: settings.Get("unsafe_durability") == "true", Logger: serveLogger(cmd, settings),
	}, nil
}

func serveLogger(cmd *cobra.Command, settings *config.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(settings.Get("log.level"))) // checked when loaded
	options := &slog.HandlerOptions{Level: level}
	if settings.Get("log.format") == "text" {
		return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), options))
	}
	return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), options))
}

// serveError says what to do about the usual reasons not to start.
func serveError(err error) error {
	failed := &commandError{err: err, exit: exitFailed, code: "start_failed"}
	var (
		older    *postgres.OlderTablesError
		mismatch *kafka.MismatchError
		connect  *pgconn.ConnectError
		network  *net.OpError
	)
	switch {
	case errors.As(err, &older):
		failed.advice = "Run: ordo migrate"
	case errors.As(err, &mismatch): // says how to mend each
		failed.exit, failed.code = exitCheck, "mismatch"
	case errors.As(err, &connect):
		failed.exit, failed.code, failed.advice = exitUnreachable, "unreachable", "Check the database_url of the service, its password file, and that the server runs"
	case errors.As(err, &network):
		failed.exit, failed.code, failed.advice = exitUnreachable, "unreachable", "Check kafka.brokers, and that they run"
	}
	return failed
}
