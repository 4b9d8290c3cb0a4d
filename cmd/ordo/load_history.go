package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/history"
)

func newLoadHistoryCommand() *cobra.Command {
	cfg := history.Config{Events: 100_000, Seed: 1}
	var unsafeDurability, yes bool
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Fill the logs of a platform with orders of every fate",
		Long: `Fill the logs of all services with the history of a shop: products, customers, stock, and orders that were shipped,
confirmed, declined, out of stock or cancelled, as the platform itself would have recorded them. It is for platforms that are
there to be measured: the history cannot be taken out again.

The same seed gives the same history. What is there already is recognised, so a fill that was broken off goes on when it is
started again, and a higher --events adds to it.`,
		Example: "  ordo load history --events 1000000 --yes",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Events < 1 || cfg.Events > history.MaxEvents {
				return usagef(cmd, "--events %d: want 1 to %d", cfg.Events, int64(history.MaxEvents))
			}
			if !yes {
				return usagef(cmd, "this adds orders that nobody placed, for good; add --yes to do it")
			}
			return loadHistory(cmd, cfg, eventpg.Config{UnsafeDurability: unsafeDurability})
		},
	}
	cmd.Flags().Int64Var(&cfg.Events, "events", cfg.Events, "so many events in all logs together; an order is about ten")
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", cfg.Seed, "which history")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&unsafeDurability, "unsafe-durability", false, "also into a server that may lose commits (fsync off)")
	return cmd
}

func loadHistory(cmd *cobra.Command, cfg history.Config, store eventpg.Config) error {
	databases, closeAll, err := openDatabases(cmd.Context(), logServices(), 1)
	if err != nil {
		return err
	}
	defer closeAll()
	logs := map[string]*eventpg.Importer{}
	for _, d := range databases {
		if logs[d.service], err = eventpg.OpenImporter(cmd.Context(), d.pool, store); err != nil {
			return aboutDatabase(d.service, err)
		}
	}
	began := time.Now()
	progress := startProgress(cmd, "filled", cfg.Events)
	defer progress.stop()
	filled, err := history.Fill(cmd.Context(), logs, cfg, func(f history.Filled) { progress.reach(f.Stored+f.Known, f.Stored+f.Known) })
	progress.stop()
	if cmd.Context().Err() != nil {
		return cmd.Context().Err()
	}
	if err != nil {
		return err
	}
	took := time.Since(began)
	if wantsJSON(cmd) {
		body, err := json.Marshal(struct {
			Stored  int64   `json:"stored"`
			Known   int64   `json:"known"`
			Seconds float64 `json:"seconds"`
		}{filled.Stored, filled.Known, took.Seconds()})
		if err != nil {
			return err
		}
		return printJSON(cmd, body)
	}
	say(cmd, "stored %d events in %s (%s); %d were there already", filled.Stored, took.Round(10*time.Millisecond),
		fmt.Sprintf("%.0f events/s", float64(filled.Stored)/took.Seconds()), filled.Known)
	return nil
}
