package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/readmodels"
)

func newProjectionsCommand() *cobra.Command {
	return newGroup("projections", "Look at read models and their generations",
		newProjectionsListCommand(), newProjectionsStatusCommand(), newProjectionsShowCommand())
}

// projectionStatus is a generation of a read model, for people and scripts.
type projectionStatus struct {
	Projection  string `json:"projection"`
	Service     string `json:"service"`
	Generation  int    `json:"generation"`
	State       string `json:"state"`
	FoldVersion int    `json:"fold_version"`
	Program     int    `json:"program_fold_version"` // of the program that is asked
	Fed         bool   `json:"fed"`                  // a program said so lately
	Outdated    bool   `json:"outdated"`
	Note        string `json:"note,omitempty"`
	Lag         *lag   `json:"lag,omitempty"` // of those that are fed; not there where the log is not known

	Until      *int64     `json:"until,omitempty"`
	Position   int64      `json:"position"`
	Events     int64      `json:"events,omitempty"`
	Rows       int64      `json:"rows,omitempty"`
	Checksum   string     `json:"checksum,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	CaughtUpAt *time.Time `json:"caught_up_at,omitempty"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	LiveAt     *time.Time `json:"live_at,omitempty"`
	RetiredAt  *time.Time `json:"retired_at,omitempty"`
}

func newProjectionsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List read models with their live generation",
		Example: "  ordo projections list\n  ordo projections list -o json | jq '.projections[] | select(.outdated)'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			statuses, err := projectionStatuses(cmd.Context(), readmodels.All())
			if err != nil {
				return err
			}
			statuses = slices.DeleteFunc(statuses, func(s projectionStatus) bool { return s.State != string(generations.Live) })
			return printProjections(cmd, statuses)
		},
	}
}

func newProjectionsStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [PROJECTION]",
		Short: "Show all generations of a read model, or of all of them",
		Long: `Show the generations of read models: which one queries go to, which are kept, and which are being built. A live generation
whose fold version is not that of this program is outdated: replay it.

BEHIND counts the events that are stored and not applied, and OLDEST is how long ago the first of them was stored: both are
measured against the log, so they grow when nothing is published. HEARTBEAT is when the loop of a process that feeds the
generation last turned; PARKED events wait as dead letters.`,
		Example:           "  ordo projections status\n  ordo projections status orderview -o json",
		ValidArgsFunction: completeModels,
		Args:              cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			models := readmodels.All()
			if len(args) == 1 {
				models = slices.DeleteFunc(models, func(k readmodels.Kept) bool { return k.Name != args[0] })
				if len(models) == 0 {
					return usagef(cmd, "no read model %q: want one of %s", args[0], strings.Join(modelNames(), ", "))
				}
			}
			statuses, err := projectionStatuses(cmd.Context(), models)
			if err != nil {
				return err
			}
			return printProjections(cmd, statuses)
		},
	}
}

func projectionStatuses(ctx context.Context, models []readmodels.Kept) ([]projectionStatus, error) {
	pools := map[string]*pgxpool.Pool{}
	defer func() {
		for _, pool := range pools {
			pool.Close()
		}
	}()
	logs := newLogs()
	defer logs.close()
	var statuses []projectionStatus
	for _, kept := range models {
		if pools[kept.Service] == nil {
			pool, err := openOwned(ctx, kept.Service, 2)
			if err != nil {
				return nil, err
			}
			pools[kept.Service] = pool
		}
		list, err := generations.New(pools[kept.Service]).List(ctx, kept.Name)
		if err != nil {
			return nil, err
		}
		for _, g := range list {
			if g.Dropped {
				continue
			}
			s := statusOf(kept, g)
			if s.Fed || g.State == generations.Live {
				if s.Lag, err = logs.lagOf(ctx, pools[kept.Service], g.Consumer(kept.Consumer()), kept.Source); err != nil {
					return nil, err
				}
			}
			statuses = append(statuses, s)
		}
	}
	return statuses, nil
}

// fedWithin is how long a program's sign of life counts; it gives one each second.
const fedWithin = 5 * time.Second

func statusOf(kept readmodels.Kept, g generations.Generation) projectionStatus {
	s := projectionStatus{
		Projection: kept.Name, Service: kept.Service, Generation: g.Number, State: string(g.State), FoldVersion: g.FoldVersion,
		Program: kept.Version, Until: (*int64)(g.Until), Position: int64(g.BuiltTo), Events: g.Events, Rows: g.Rows,
		Checksum: g.Checksum, Reason: g.Reason, CreatedAt: g.CreatedAt, CaughtUpAt: g.CaughtUpAt, VerifiedAt: g.VerifiedAt,
		LiveAt: g.LiveAt, RetiredAt: g.RetiredAt,
	}
	s.Fed = g.FedAt != nil && time.Since(*g.FedAt) < fedWithin
	switch {
	case g.State == generations.Live && g.FoldVersion != kept.Version:
		s.Outdated, s.Note = true, "outdated: replay needed"
	case g.Until != nil:
		s.Note = fmt.Sprintf("as of position %d", *g.Until)
	case g.State == generations.Live && !s.Fed:
		s.Note = "no program feeds it"
	case g.State == generations.Retired:
		s.Note = "kept for --rollback"
		if !s.Fed {
			s.Note += ", not fed"
		}
	case g.State == generations.Failed:
		s.Note = g.Reason
	case g.State == generations.Verified:
		s.Note = "ordo replay " + kept.Name + " --resume swaps"
	case g.State == generations.Building, g.State == generations.CaughtUp:
		s.Note = "being built, or left unfinished"
	}
	return s
}

func printProjections(cmd *cobra.Command, statuses []projectionStatus) error {
	if wantsJSON(cmd) {
		return printValue(cmd, map[string]any{"projections": statuses})
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "PROJECTION", "SERVICE", "GENERATION", "STATE", "FOLD", "PROGRAM", "FED", "POSITION", "BEHIND", "OLDEST", "PARKED", "HEARTBEAT", "NOTE")
		for _, s := range statuses {
			fed := "no"
			if s.Fed {
				fed = "yes"
			}
			position, behind, oldest, parked, beat, note := "-", "-", "-", "-", "-", s.Note
			if l := s.Lag; l != nil {
				position, behind, parked = fmt.Sprint(l.Applied), fmt.Sprint(l.Behind), fmt.Sprint(l.Parked)
				if l.OldestAt != nil {
					oldest = ago(*l.OldestAt)
				}
				if l.HeartbeatAt != nil {
					beat = ago(*l.HeartbeatAt)
				}
				note = strings.TrimPrefix(note+"; "+l.Error, "; ")
				note = strings.TrimSuffix(note, "; ")
			}
			row(w, s.Projection, s.Service, s.Generation, s.State, s.FoldVersion, s.Program, fed, position, behind, oldest, parked, beat, note)
		}
	})
}

// ago is how long ago something was, for people.
func ago(t time.Time) string { return max(0, time.Since(t)).Round(time.Second).String() + " ago" }

func newProjectionsShowCommand() *cobra.Command {
	var service string
	var number, limit int
	cmd := &cobra.Command{
		Use:   "show PROJECTION [KEY]",
		Short: "Show rows of a generation as they are stored",
		Long: `Show rows of a read model, as JSON, a line each: of the live generation or of any other, so also of a view of the past that
"ordo replay --until" has made.`,
		Example:           "  ordo projections show stocklevels MUG\n  ordo projections show orderview --generation 3 --limit 10",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeModels,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef(cmd, "--limit %d: want 1 or more", limit)
			}
			kept, err := findModel(cmd, args[0], service)
			if err != nil {
				return err
			}
			return showRows(cmd, kept, number, limit, args[1:])
		},
	}
	cmd.Flags().StringVar(&service, "service", "views", "the `service` that keeps the read model")
	cmd.Flags().IntVar(&number, "generation", 0, "`number` of the generation (default the live one)")
	cmd.Flags().IntVar(&limit, "limit", 50, "rows at most")
	completeFlag(cmd, "service", "views", "orders")
	return cmd
}

func showRows(cmd *cobra.Command, kept readmodels.Kept, number, limit int, key []string) error {
	ctx := cmd.Context()
	pool, err := openOwned(ctx, kept.Service, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	g, err := findGeneration(ctx, pool, kept, number)
	if err != nil {
		return err
	}
	table := kept.Tables[len(kept.Tables)-1] // the sums, where there are some
	rows, err := pool.Query(ctx, fmt.Sprintf("SELECT to_jsonb(t) FROM %s AS t WHERE cardinality($1::text[]) = 0 OR %s::text = ANY ($1) ORDER BY %[2]s LIMIT $2",
		pgx.Identifier{g.Schema(), table.Name}.Sanitize(), table.Columns[0]), key, limit)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[json.RawMessage])
	if err != nil {
		return err
	}
	if len(found) == 0 && len(key) > 0 {
		return &commandError{err: fmt.Errorf("%s %s: not found in generation %d", kept.Name, key[0], g.Number), exit: exitNotFound, code: "not_found"}
	}
	for _, r := range found {
		if err := printJSON(cmd, r); err != nil {
			return err
		}
	}
	return nil
}
