package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/embedded"
	"github.com/ordo-platform/ordo/internal/load"
	"github.com/ordo-platform/ordo/internal/postgres"
)

func newLoadAppendCommand() *cobra.Command {
	cfg := load.AppendConfig{Writers: 64, EventsPerAppend: 1, Size: 400, Duration: 10 * time.Second}
	var databaseURL string
	cmd := &cobra.Command{
		Use:   "append",
		Short: "Measure how fast a store takes appends",
		Long: `Append events to an event store for a while, and then the same to a plain table with the same columns and indexes, a
transaction each: the ratio of the two says what the store makes of the machine, whatever the machine is.

Without --database-url it runs on a throw-away Postgres with fsync on. With it, the database must have no event store, or one
whose events nobody needs: the appends stay. --rate begins appends at a fixed rate (open loop); without, each writer begins
the next when the one before is stored.`,
		Example: "  ordo load append --writers 256\n  ordo load append --rate 2000 --duration 30s -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkAppendConfig(cmd, cfg); err != nil {
				return err
			}
			return loadAppend(cmd, cfg, databaseURL)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&cfg.Writers, "writers", cfg.Writers, "callers at the same time")
	flags.IntVar(&cfg.EventsPerAppend, "events-per-append", cfg.EventsPerAppend, "events of each append")
	flags.IntVar(&cfg.Size, "size", cfg.Size, "bytes of data of each event")
	flags.DurationVar(&cfg.Duration, "duration", cfg.Duration, "how long, for each of the two")
	flags.Float64Var(&cfg.Rate, "rate", 0, "appends that begin each second (default as many as can be)")
	flags.StringVar(&databaseURL, "database-url", "", "database to append to (`url`, default a throw-away one)")
	return cmd
}

// maxLoadWriters keeps the plain inserts, a connection each, below the limit of the embedded server.
const maxLoadWriters = 1024

func checkAppendConfig(cmd *cobra.Command, cfg load.AppendConfig) error {
	if err := refuseEmpty(cmd, "database-url"); err != nil {
		return err
	}
	for _, f := range []struct {
		name             string
		value, low, high int
	}{
		{"writers", cfg.Writers, 1, maxLoadWriters},
		{"events-per-append", cfg.EventsPerAppend, 1, eventstore.MaxEventsPerAppend},
		{"size", cfg.Size, load.MinSize, eventstore.MaxEventBytes},
	} {
		if f.value < f.low || f.value > f.high {
			return usagef(cmd, "--%s %d: want %d to %d", f.name, f.value, f.low, f.high)
		}
	}
	if cfg.Duration <= 0 {
		return usagef(cmd, "--duration %s: want more than that", cfg.Duration)
	}
	if cfg.Rate < 0 {
		return usagef(cmd, "--rate %g is negative", cfg.Rate)
	}
	return nil
}

// appendReport is the answer of ordo load append.
type appendReport struct {
	Writers         int           `json:"writers"`
	EventsPerAppend int           `json:"events_per_append"`
	Size            int           `json:"size"`
	Rate            float64       `json:"rate,omitempty"`
	Store           load.Measured `json:"store"`
	Plain           load.Measured `json:"plain"`
	Ratio           float64       `json:"ratio"` // of events per second
}

func loadAppend(cmd *cobra.Command, cfg load.AppendConfig, url string) error {
	ctx := cmd.Context()
	if url == "" {
		// A folder of our own, because a server that is asked to be ephemeral does without fsync.
		dir, err := os.MkdirTemp("", "ordo-load-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		server, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{DataDir: dir})
		if err != nil {
			return startError(err, "")
		}
		defer func() { _ = server.Stop(context.WithoutCancel(ctx)) }()
		url = server.URL("postgres")
	}
	pool, err := postgres.Open(ctx, url, plainConns(cfg.Writers))
	if err != nil {
		return aboutDatabase("load", err)
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, "eventstore", eventpg.Migrations()); err != nil {
		return err
	}
	report := appendReport{Writers: cfg.Writers, EventsPerAppend: cfg.EventsPerAppend, Size: cfg.Size, Rate: cfg.Rate}
	say(cmd, "appending for %s, and then as long to a plain table", cfg.Duration)
	if report.Store, err = appendToStore(ctx, pool, cfg); err != nil {
		return err
	}
	if report.Plain, err = load.PlainInsert(ctx, pool, cfg); err != nil {
		return err
	}
	if report.Plain.PerSecond > 0 {
		report.Ratio = report.Store.PerSecond / report.Plain.PerSecond
	}
	return printAppendReport(cmd, report)
}

// plainConns is how many connections plain inserts use: one for each writer, as far as a server usually has them.
func plainConns(writers int) int { return min(writers, 90) }

func appendToStore(ctx context.Context, pool *pgxpool.Pool, cfg load.AppendConfig) (m load.Measured, err error) {
	store, err := eventpg.Open(ctx, pool, eventpg.Config{})
	if err != nil {
		return m, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	work, _ := errgroup.WithContext(ctx)
	work.Go(func() error { return store.Run(running) })
	work.Go(func() error {
		defer stop()
		m, err = load.Append(ctx, store, cfg)
		return err
	})
	return m, work.Wait()
}

func printAppendReport(cmd *cobra.Command, r appendReport) error {
	if wantsJSON(cmd) {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return printJSON(cmd, body)
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "", "EVENTS/S", "P50 MS", "P90 MS", "P99 MS", "P99.9 MS", "MAX MS", "EVENTS", "FAILED")
		for _, m := range []struct {
			name string
			load.Measured
		}{{"store", r.Store}, {"plain", r.Plain}} {
			row(w, m.name, fmt.Sprintf("%.0f", m.PerSecond), m.P50, m.P90, m.P99, m.P999, m.Max, m.Events, m.Failed)
		}
		row(w, "ratio", fmt.Sprintf("%.1f", r.Ratio))
	})
}
