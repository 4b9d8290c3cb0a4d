package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/internal/embedded"
)

type devOptions struct {
	dataDir     string
	ephemeral   bool
	httpAddr    string
	databaseURL string
	brokers     []string
	verbose     bool
}

func newDevCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole platform in one process",
		Long: `Run every service in one process, on an embedded Postgres and an embedded broker: the same code as in production, only
the addresses differ. Data is kept in the data folder; Ctrl-C stops cleanly, and after kill -9 the next start goes on where
this one was. Development only: the broker is in memory and nothing is encrypted.

Postgres comes from ORDO_POSTGRES_BIN (a folder with its programs), else from this machine (15 or newer), else it is
downloaded once (ORDO_POSTGRES_REPOSITORY names a mirror).`,
		Example: `  ordo dev
  ordo dev --ephemeral --http-addr 127.0.0.1:0
  ordo dev --database-url postgres://db.example.com/postgres?user=ordo --kafka-brokers kafka-1:9092`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDev(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dataDir, "data-dir", "", "`folder` for data (default $ORDO_DATA_DIR, $XDG_DATA_HOME/ordo or ~/.local/share/ordo)")
	flags.BoolVar(&o.ephemeral, "ephemeral", false, "keep nothing: a throw-away folder, gone at the end")
	flags.StringVar(&o.httpAddr, "http-addr", "127.0.0.1:8080", "`address` to serve the API on; port 0 picks a free one")
	flags.StringVar(&o.databaseURL, "database-url", os.Getenv("ORDO_DATABASE_URL"), "Postgres server to use instead of the embedded one (`url`; its role may create databases)")
	flags.StringSliceVar(&o.brokers, "kafka-brokers", nil, "Kafka to use instead of the embedded broker (`host:port,…`)")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "log what the services do")
	flags.Lookup("database-url").DefValue = "" // may hold a password
	cmd.MarkFlagsMutuallyExclusive("data-dir", "ephemeral")
	cmd.AddCommand(newDevResetCommand())
	return cmd
}

func runDev(cmd *cobra.Command, o devOptions) error {
	ctx := cmd.Context()
	dir, err := o.dir()
	if err != nil {
		return err
	}
	began := time.Now()
	if dir != "" {
		unlock, err := embedded.LockDataDir(dir)
		if err != nil {
			return startError(err)
		}
		defer unlock()
	}
	local, err := app.NewLocal(ctx, app.LocalConfig{
		DataDir: dir, HTTPAddr: o.httpAddr, DatabaseURL: o.databaseURL, Brokers: o.brokers, Logger: devLogger(cmd, o.verbose),
	})
	if err != nil {
		return startError(err)
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
	if err == nil {
		say(cmd, "stopped")
	}
	return err
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
	url := "http://" + local.Addr()
	if dir != "" {
		err := devfile.Write(dir, devfile.File{
			URL: url, PID: os.Getpid(), Kafka: local.Brokers, Databases: local.Databases, StartedAt: time.Now().UTC(),
		})
		if err != nil {
			return err
		}
	}
	banner(cmd, local, o, dir, url, time.Since(began))
	return nil
}

func banner(cmd *cobra.Command, local *app.Local, o devOptions, dir, url string, took time.Duration) {
	kafka := "embedded, in memory, refilled from Postgres at each start"
	if len(o.brokers) > 0 {
		kafka = "given"
	}
	database, kept := "embedded, one database per service: psql "+quoted(local.Databases[app.Orders]), dir
	if o.databaseURL != "" {
		database = "given, databases ordo_<service>"
	}
	if dir == "" {
		kept = "nothing is kept"
	}
	out := cmd.ErrOrStderr()
	_, _ = fmt.Fprintf(out, `
  Ordo is ready after %s                                DEVELOPMENT ONLY

  API       %s
  OpenAPI   %s/docs
  Kafka     %s  (%s)
  Postgres  %s
  Data      %s

  Try:      %s
  Stop:     Ctrl-C

`, took.Round(10*time.Millisecond), url, url, strings.Join(local.Brokers, ","), kafka, database, kept, "curl "+url+"/v1/orders")
}

func quoted(s string) string { return "'" + s + "'" }

// devLogger keeps quiet about what goes well unless asked: the banner should stay in sight.
func devLogger(cmd *cobra.Command, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}

// startError says what to do about the usual reasons not to start.
func startError(err error) error {
	advice := ""
	var locked *embedded.LockedError
	switch {
	case errors.As(err, &locked):
		advice = "Stop it, or choose another folder with --data-dir"
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "Stop what listens there, or choose another with --http-addr"
	case errors.Is(err, os.ErrPermission):
		who := "this user"
		if u, uerr := user.Current(); uerr == nil {
			who = u.Username
		}
		advice = "Choose a folder that " + who + " may write, with --data-dir"
	}
	return &commandError{err: err, exit: exitFailed, code: "start_failed", advice: advice}
}

func newDevResetCommand() *cobra.Command {
	var dataDir string
	var yes bool
	cmd := &cobra.Command{
		Use:     "reset",
		Short:   "Delete the data folder of ordo dev",
		Example: "  ordo dev reset --yes",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := devOptions{dataDir: dataDir}.dir()
			if err != nil {
				return err
			}
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				say(cmd, "nothing to delete: %s does not exist", dir)
				return nil
			}
			if _, err := os.Stat(filepath.Join(dir, "postgres")); err != nil {
				return fmt.Errorf("%s is not a data folder of ordo dev: %w", dir, err)
			}
			if !yes {
				return usagef(cmd, "this deletes all orders in %s; add --yes to do it", dir)
			}
			return resetDataDir(cmd, dir)
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "`folder` to delete (default as in ordo dev)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// resetDataDir deletes a folder that nobody uses.
func resetDataDir(cmd *cobra.Command, dir string) error {
	unlock, err := embedded.LockDataDir(dir)
	if err != nil {
		return startError(err)
	}
	defer unlock()
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	say(cmd, "deleted %s", dir)
	return nil
}
