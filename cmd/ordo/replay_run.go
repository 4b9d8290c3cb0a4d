package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/internal/replay"
	"github.com/ordo-platform/ordo/projections"
)

// replayConns are for the slices, the comparison and the lease.
const replayConns = 8

// replayTarget is a read model with the databases it takes to rebuild it.
type replayTarget struct {
	kept readmodels.Kept
	pool *pgxpool.Pool  // of the service that keeps it, as the owner of the tables
	log  *eventpg.Store // of the service it is folded from; it is only read
}

// openTarget connects to both databases. close ends it.
func openTarget(ctx context.Context, kept readmodels.Kept, conns int) (t replayTarget, closeAll func(), err error) {
	t.kept = kept
	var open []*pgxpool.Pool
	closeAll = func() {
		for _, pool := range open {
			pool.Close()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	if t.pool, err = openOwned(ctx, kept.Service, conns); err != nil {
		return t, nil, err
	}
	open = append(open, t.pool)
	source, err := openOwned(ctx, kept.Source, 2)
	if err != nil {
		return t, nil, err
	}
	open = append(open, source)
	if t.log, err = eventpg.Open(ctx, source, eventpg.Config{UnsafeDurability: true}); err != nil { // not for a reader to judge
		return t, nil, err
	}
	var ready bool
	err = t.pool.QueryRow(ctx, "SELECT to_regclass('replay_leases') IS NOT NULL").Scan(&ready)
	if err == nil && !ready {
		err = fmt.Errorf("the database of %s has no read models yet: start the platform once", kept.Service)
	}
	return t, closeAll, err
}

// niceness is how far a replay stands back from all else on the machine, of 19 at most: nobody waits for it, and readers wait
// for the programs that feed the live read models.
const niceness = 10

// standBack lowers the priority of this process, unless it is as low already. Where that cannot be, nothing is lost but time.
func standBack() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil { // not Linux: there a priority is the whole process's
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness)
		return
	}
	for _, thread := range threads { // those that are started later inherit it
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		if now, err := syscall.Getpriority(syscall.PRIO_PROCESS, id); err == nil && 20-now < niceness { // the kernel counts down from 20
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, niceness)
		}
	}
}

func (f *replayFlags) run(cmd *cobra.Command, kept readmodels.Kept) (err error) {
	ctx := cmd.Context()
	slices := f.concurrency
	if slices == 0 {
		slices = replay.DefaultConcurrency
	}
	target, closeAll, err := openTarget(ctx, kept, replayConns+slices)
	if err != nil {
		return err
	}
	defer closeAll()
	if f.dryRun {
		return planReplay(cmd, target)
	}
	watch := newReplayWatch(cmd)
	r, err := replay.New(replay.Config{
		Model: kept, Pool: target.pool, Log: target.log, Holder: replayHolder(), Concurrency: f.concurrency, Progress: watch.progress,
	})
	if err != nil {
		return err
	}
	switch {
	case f.rollback:
		return rollBack(cmd, kept, r)
	case f.retireOld:
		return retireOld(cmd, kept, r)
	}
	o := replay.Options{
		NoSwap: f.noSwap, VerifyOnly: f.verifyOnly, Sample: f.sample, ExpectChanges: f.expectChanges, Resume: f.resume,
	}
	if f.until != "" {
		if o.Until, err = untilPosition(ctx, target.log, f.until); err != nil {
			return err
		}
	}
	standBack()
	result, err := r.Run(ctx, o)
	watch.end()
	if reportErr := printReplay(cmd, kept, o, result, err); reportErr != nil {
		return reportErr
	}
	return aboutReplay(ctx, cmd, kept, o, result, err)
}

// untilPosition turns a position or a time into the position of the last event to fold.
func untilPosition(ctx context.Context, log replay.Log, text string) (*eventstore.Position, error) {
	n, at, err := parseUntil(text)
	position := eventstore.Position(n)
	if err == nil && !at.IsZero() {
		position, err = recordedBy(ctx, log, at)
	}
	return &position, err
}

// recordedBy is the position of the last event recorded at a time or before. Times rise with positions, so few events have
// to be looked at.
func recordedBy(ctx context.Context, log replay.Log, at time.Time) (eventstore.Position, error) {
	head, _, err := log.Tails(ctx)
	if err != nil {
		return 0, err
	}
	low, high := eventstore.Position(0), head // what is looked for is one of these
	for low < high {
		middle := high - (high-low)/2
		events, err := log.ReadLog(ctx, middle-1, 1)
		if err != nil {
			return 0, err
		}
		if len(events) > 0 && !events[0].RecordedAt.After(at) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

// replayHolder is who replays, as somebody else is told.
func replayHolder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	name := "unknown user"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("%s on %s (pid %d)", name, host, os.Getpid())
}

// aboutReplay gives an error of a replay its exit code, and says what to do.
func aboutReplay(ctx context.Context, cmd *cobra.Command, kept readmodels.Kept, o replay.Options, result replay.Result, err error) error {
	if err == nil {
		return nil
	}
	again := cmd.CommandPath() + " " + kept.Name
	if kept.Service != "views" {
		again += " --service " + kept.Service
	}
	if ctx.Err() != nil && !o.VerifyOnly && o.Until == nil {
		say(cmd, "Generation %d is unfinished. Go on with: %s --resume", result.Number, again)
		return err
	}
	if drift, ok := errors.AsType[*replay.DriftError](err); ok {
		said := &commandError{err: err, exit: exitCheck, code: "drift"}
		switch {
		case o.VerifyOnly:
			said.advice = "Rebuild it with: " + again
		case drift.Report.Fatal != "":
			said.err = fmt.Errorf("%w; %s", err, drift.Report.Fatal)
			said.advice = "Live is unchanged; mend the fold and replay again"
		default:
			said.advice = "Live is unchanged. If the fold was changed on purpose: " + again + " --resume --expect-changes"
		}
		return said
	}
	if _, ok := errors.AsType[*replay.HeldError](err); ok {
		return &commandError{err: err, exit: exitConflict, code: "held", advice: "Wait for its end"}
	}
	if _, ok := errors.AsType[*replay.LostError](err); ok {
		return &commandError{err: err, exit: exitConflict, code: "lease_lost"}
	}
	if unfed, ok := errors.AsType[*replay.UnfedError](err); ok {
		advice := fmt.Sprintf("Start a program with fold version %d beside the others, then: %s --resume", unfed.Generation.FoldVersion, again)
		return &commandError{err: err, exit: exitConflict, code: "not_fed", advice: advice}
	}
	if _, ok := errors.AsType[*replay.NothingToResumeError](err); ok {
		return &commandError{err: err, exit: exitNotFound, code: "nothing_to_resume", advice: "Begin with: " + again}
	}
	if _, ok := errors.AsType[*projections.EventError](err); ok {
		return &commandError{err: err, exit: exitFailed, code: "event", advice: "Live is unchanged; this program cannot read its history"}
	}
	return err
}

func rollBack(cmd *cobra.Command, kept readmodels.Kept, r *replay.Replay) error {
	result, err := r.Rollback(cmd.Context())
	if _, none := errors.AsType[*replay.NoRollbackError](err); none {
		return &commandError{err: err, exit: exitNotFound, code: "no_rollback", advice: "See: ordo projections status " + kept.Name}
	}
	if unfed, ok := errors.AsType[*replay.UnfedError](err); ok {
		return &commandError{
			err: err, exit: exitConflict, code: "not_fed",
			advice: fmt.Sprintf("Start a program with fold version %d, and try again when it has caught up", unfed.Generation.FoldVersion),
		}
	}
	if err != nil {
		return aboutReplay(cmd.Context(), cmd, kept, replay.Options{}, result, err)
	}
	if wantsJSON(cmd) {
		return printValue(cmd, map[string]any{"type": "rollback", "projection": kept.Name, "generation": result.Number})
	}
	say(cmd, "%s: generation %d is live again.", kept.Name, result.Number)
	if result.Generation.FoldVersion != kept.Version {
		say(cmd, "It is kept up to date by programs with fold version %d only: start one.", result.Generation.FoldVersion)
	}
	return nil
}

func retireOld(cmd *cobra.Command, kept readmodels.Kept, r *replay.Replay) error {
	dropped, err := r.Retire(cmd.Context())
	if err != nil {
		return aboutReplay(cmd.Context(), cmd, kept, replay.Options{}, replay.Result{}, err)
	}
	numbers := make([]int, 0, len(dropped))
	for _, g := range dropped {
		numbers = append(numbers, g.Number)
		if !wantsJSON(cmd) {
			say(cmd, "%s: generation %d (%s) is dropped.", kept.Name, g.Number, stateName(g))
		}
	}
	if wantsJSON(cmd) {
		return printValue(cmd, map[string]any{"type": "retired", "projection": kept.Name, "generations": numbers})
	}
	if len(dropped) == 0 {
		say(cmd, "%s has no generation but the live one.", kept.Name)
	}
	return nil
}

// stateName tells a view of the past from what may become live.
func stateName(g generations.Generation) string {
	if g.Until != nil {
		return fmt.Sprintf("as of %d", *g.Until)
	}
	return string(g.State)
}

// printValue writes one line of JSON.
func printValue(cmd *cobra.Command, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return printJSON(cmd, text)
}
