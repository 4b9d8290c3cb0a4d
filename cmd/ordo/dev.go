package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/devfile"
)

// databaseVariable names the variable for --database-url: a password in it is not seen in the list of processes.
const databaseVariable = "ORDO_DATABASE_URL"

type devOptions struct {
	dataDir     string
	ephemeral   bool
	httpAddr    textFlag
	databaseURL string
	brokers     []string
	unsafe      bool
	verbose     bool
}

func newDevCommand() *cobra.Command {
	o := devOptions{httpAddr: textFlag{value: "127.0.0.1:8080", kind: "string", check: checkListenAddr}}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole platform in one process",
		Long: `Run every service in one process, on an embedded Postgres and an embedded broker: the same code as in production, only
the addresses differ. Data is kept in the data folder; Ctrl-C stops cleanly, and after kill -9 the next start goes on where
this one was. Development only: the broker is in memory, nothing is encrypted and nobody has to log in.

Other commands find a platform on the default data folder by themselves. For another folder set ORDO_DATA_DIR, for an
ephemeral platform ORDO_URL; the banner says how. A clean stop exits with 0, or with 130 after Ctrl-C.

Postgres comes from ORDO_POSTGRES_BIN (a folder with its programs), else from this machine (15 or newer), else it is
downloaded once (ORDO_POSTGRES_REPOSITORY names a mirror).`,
		Example: `  ordo dev
  ordo dev --ephemeral --http-addr 127.0.0.1:0
  ordo dev --database-url postgres://db.example.com/postgres?user=ordo --kafka-brokers kafka-1:9092`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return runDev(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dataDir, "data-dir", "", "`folder` for data (default $ORDO_DATA_DIR, $XDG_DATA_HOME/ordo or ~/.local/share/ordo)")
	flags.BoolVar(&o.ephemeral, "ephemeral", false, "keep nothing: a throw-away folder, gone at the end")
	flags.Var(&o.httpAddr, "http-addr", "`address` to serve the API on; port 0 picks a free one")
	flags.StringVar(&o.databaseURL, "database-url", os.Getenv(databaseVariable), "Postgres server to use instead of the embedded one (`url`, default $"+databaseVariable+"; its role may create databases)")
	flags.StringSliceVar(&o.brokers, "kafka-brokers", nil, "Kafka to use instead of the embedded broker (`host:port,...`)")
	flags.BoolVar(&o.unsafe, "unsafe-durability", false, "accept a Postgres server that loses orders in a crash (fsync off and the like): throw-away runs only")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "log what the services do")
	flags.Lookup("database-url").DefValue = "" // may hold a password
	cmd.MarkFlagsMutuallyExclusive("data-dir", "ephemeral")
	cmd.AddCommand(newDevResetCommand())
	return cmd
}

// validate finds what can be known to be wrong before anything is started.
func (o devOptions) validate(cmd *cobra.Command) error {
	if err := refuseEmpty(cmd, "data-dir", "database-url", "kafka-brokers"); err != nil {
		return err
	}
	if o.databaseURL == "" {
		return nil
	}
	if _, err := pgx.ParseConfig(o.databaseURL); err != nil { // its text may show parts of a password
		source := "--database-url"
		if !cmd.Flags().Changed("database-url") {
			source = databaseVariable
		}
		return usagef(cmd, "%s is not the address of a Postgres server: want one like postgres://ordo@db.example.com/postgres", source)
	}
	return nil
}

func runDev(cmd *cobra.Command, o devOptions) error {
	defer outliveReaders()()
	collectLess()
	ctx := cmd.Context()
	dir, err := o.dir()
	if err != nil {
		return err
	}
	began := time.Now()
	if dir != "" {
		unlock, err := lockDataDir(dir)
		if err != nil {
			return startError(err, dir)
		}
		defer unlock()
	}
	local, err := app.NewLocal(ctx, app.LocalConfig{
		DataDir: dir, HTTPAddr: o.httpAddr.value, DatabaseURL: o.databaseURL, Brokers: o.brokers,
		UnsafeDurability: o.unsafe,

		Logger: devLogger(cmd, logLevel(o.verbose)),
	})
	if err != nil {
		return startError(err, dir)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := announce(ctx, cmd, local, o, dir, began); err != nil && ctx.Err() == nil {
			cancel(err)
		}
	}()
	err = local.Run(ctx)
	if dir != "" {
		err = errors.Join(err, devfile.Remove(dir))
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	switch {
	case err != nil:
		return err
	case interrupted(ctx):
		return &commandError{err: errors.New("stopped"), exit: exitInterrupted, code: "interrupted"}
	}
	say(cmd, "stopped")
	return nil
}

// dir is the data folder, empty for none.
func (o devOptions) dir() (string, error) {
	switch {
	case o.ephemeral:
		return "", nil
	case o.dataDir != "":
		return filepath.Abs(o.dataDir)
	default:
		return devfile.DefaultDir(os.Getenv)
	}
}

// announce waits until everything works, tells other commands where, and shows the banner.
func announce(ctx context.Context, cmd *cobra.Command, local *app.Local, o devOptions, dir string, began time.Time) error {
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := local.WaitReady(limited); err != nil {
		return err
	}
	url := "http://" + reachable(local.Addr())
	if dir != "" {
		err := devfile.Write(dir, devfile.File{
			URL: url, Logs: "http://" + local.LogAddr(), PID: os.Getpid(), Kafka: local.Brokers, Databases: local.Databases, Owners: local.Owners,
			StartedAt: time.Now().UTC(),
		})
		if err != nil {
			return err
		}
	}
	banner(cmd, local, o, dir, url, time.Since(began))
	return nil
}

func banner(cmd *cobra.Command, local *app.Local, o devOptions, dir, url string, took time.Duration) {
	address := url
	if host, _, err := net.SplitHostPort(local.Addr()); err == nil && !net.ParseIP(host).IsLoopback() {
		address += "  (other machines may use it too: nobody has to log in)"
	}
	kafka := "embedded, in memory, refilled from Postgres at each start"
	if len(o.brokers) > 0 {
		kafka = "given"
	}
	database, kept := "embedded, one database per service: psql "+quoted(local.Databases[app.Orders]), printable(dir)
	switch {
	case o.databaseURL != "" && dir == "":
		database, kept = "given, databases ordo_<service>", "kept in the given Postgres"
	case o.databaseURL != "":
		database = "given, databases ordo_<service>"
		kept += "  (of the payment simulator; all else is in the given Postgres)"
	case dir == "":
		kept = "nothing is kept"
	}
	try := "ordo order list"
	if setting := whereabouts(dir, url, os.Getenv); setting != "" {
		try = "export " + setting + "\n            " + try
	}
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), `
  Ordo is ready after %s                                DEVELOPMENT ONLY

  API       %s
  OpenAPI   %s/docs
  Kafka     %s  (%s)
  Postgres  %s
  Data      %s

  Try, in another terminal:
            curl %s/v1/orders
            %s
  Stop:     Ctrl-C

`, took.Round(10*time.Millisecond), address, url, strings.Join(local.Brokers, ","), kafka, database, kept, url, try)
}

// reachable is where to find what listens on an address: any address of this machine is the loopback one as well.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !net.ParseIP(host).IsUnspecified() {
		return addr
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// whereabouts is the setting by which other commands find a platform that is not where they look by themselves.
func whereabouts(dir, url string, getenv func(string) string) string {
	if dir == "" {
		return "ORDO_URL=" + url
	}
	// Another terminal has what belongs to the session, but not what was set for this one call.
	found, err := devfile.DefaultDir(func(name string) string {
		if name == "ORDO_DATA_DIR" {
			return ""
		}
		return getenv(name)
	})
	if err == nil && filepath.Clean(found) == dir {
		return ""
	}
	return "ORDO_DATA_DIR=" + quoted(dir)
}

// quoted is a word for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(printable(s), "'", `'\''`) + "'" }

// logLevel keeps quiet about what goes well unless asked: the banner should stay in sight.
func logLevel(verbose bool) *slog.LevelVar {
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	if verbose {
		level.Set(slog.LevelDebug)
	}
	return level
}

func devLogger(cmd *cobra.Command, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}
