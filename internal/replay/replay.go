package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
)

// nearLive is how many events behind the live generation is near enough to compare with it.
const nearLive = 2000

// Replay rebuilds one read model.
type Replay struct {
	config Config
}

// New returns a replay that does nothing until told.
func New(c Config) (*Replay, error) {
	c, err := c.validate()
	if err != nil {
		return nil, err
	}
	return &Replay{c}, nil
}

// Result is what a replay has done.
type Result struct {
	Generation generations.Generation `json:"-"`
	Number     int                    `json:"generation"`
	Swapped    bool                   `json:"swapped"`
	Report     *Report                `json:"report,omitempty"` // of the comparison, if there was one
	Events     int64                  `json:"events"`
	Rows       int64                  `json:"rows"`
	Took       []Took                 `json:"took"`
	SwapLock   time.Duration          `json:"swap_lock_ns"` // how long readers may have waited
}

// Took says where the time went.
type Took struct {
	Phase    Phase         `json:"phase"`
	Duration time.Duration `json:"duration_ns"`
}

// run is one run of a replay.
type run struct {
	config   Config
	options  Options
	lease    *lease
	progress *progress
	builder  *builder
	result   *Result
}

// Run does what the options say. When ctx ends, it stops; what has been built is kept for [Options.Resume]. Errors worth
// telling apart: *[HeldError], *[LostError], *[DriftError], *[UnfedError], *[NothingToResumeError], and those of folds.
func (r *Replay) Run(ctx context.Context, o Options) (Result, error) {
	result := Result{}
	err := r.exclusively(ctx, o.Resume, func(ctx context.Context, l *lease) error {
		u := &run{config: r.config, options: o, lease: l, progress: &progress{tell: r.config.Progress}, result: &result}
		return u.run(ctx)
	})
	return result, err
}

// exclusively runs f under the lease.
func (r *Replay) exclusively(ctx context.Context, wait bool, f func(context.Context, *lease) error) error {
	l, err := acquire(ctx, r.config, wait)
	if err != nil {
		return err
	}
	work, lost := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(kept)
		l.keep(keeping, lost)
	}()
	err = f(work, l)
	stop()
	<-kept
	if cause, ok := errors.AsType[*LostError](context.Cause(work)); ok {
		err = cause
	}
	lost(nil)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	l.release(end)
	return err
}

func (u *run) run(ctx context.Context) error {
	generation, err := u.generation(ctx)
	if err != nil {
		return err
	}
	u.result.Number = generation.Number
	u.progress.now.Generation = generation.Number
	only, err := u.sample(ctx)
	if err != nil {
		return err
	}
	if u.builder, err = newBuilder(ctx, u.config, u.lease, generation, u.progress, only); err != nil {
		return err
	}
	u.progress.now.Slices = len(u.builder.workers)
	defer func() {
		u.result.Generation = u.builder.generation
		u.result.Events, u.result.Rows = u.builder.generation.Events, u.builder.generation.Rows
	}()
	if u.options.Until != nil {
		return u.past(ctx)
	}
	if u.options.VerifyOnly {
		return u.drift(ctx, only)
	}
	return u.replace(ctx)
}

// generation is the one to fill.
func (u *run) generation(ctx context.Context) (generations.Generation, error) {
	list, err := generations.New(u.config.Pool).List(ctx, u.config.Model.Name)
	if err != nil {
		return generations.Generation{}, err
	}
	var unfinished []generations.Generation
	for _, g := range list {
		if !g.Dropped && g.Until == nil && g.State != generations.Live && g.State != generations.Retired {
			unfinished = append(unfinished, g)
		}
	}
	if u.options.Resume {
		last := len(unfinished) - 1
		if last < 0 || unfinished[last].FoldVersion != u.config.Model.Version {
			return generations.Generation{}, &NothingToResumeError{u.config.Model.Name}
		}
		g := unfinished[last]
		return g, generations.Migrate(ctx, u.config.Pool, u.config.Model.ReadModel, g)
	}
	until := u.options.Until
	if u.options.VerifyOnly {
		head, _, err := u.config.Log.Tails(ctx)
		if err != nil {
			return generations.Generation{}, err
		}
		until = &head // it is thrown away in the end, and no replay takes it for its own if this one is killed
	}
	if until == nil {
		for _, g := range unfinished {
			if err := drop(ctx, u.config, u.lease, g); err != nil {
				return generations.Generation{}, err
			}
		}
	}
	g, err := generations.Create(ctx, u.config.Pool, u.config.Model.ReadModel, until)
	if err != nil {
		return g, err
	}
	return g, generations.DropIndexes(ctx, u.config.Pool, g)
}

// timed is a phase, with its time in the result.
func (u *run) timed(phase Phase, target eventstore.Position, f func() error) error {
	began := time.Now()
	u.progress.phase(phase, target)
	err := f()
	i := slices.IndexFunc(u.result.Took, func(t Took) bool { return t.Phase == phase })
	if i < 0 {
		u.result.Took, i = append(u.result.Took, Took{Phase: phase}), len(u.result.Took)
	}
	u.result.Took[i].Duration += time.Since(began)
	return err
}

// past builds the state as of a position.
func (u *run) past(ctx context.Context) error {
	to := make(vector, len(u.builder.applied))
	for p := range to {
		to[p] = *u.options.Until
	}
	head, _, err := u.config.Log.Tails(ctx)
	if err != nil {
		return err
	}
	for p := range to {
		to[p] = min(to[p], head)
	}
	if err := u.timed(PhaseBuild, slices.Max(to), func() error { return u.builder.feed(ctx, to) }); err != nil {
		return err
	}
	if err := u.index(ctx); err != nil {
		return err
	}
	return u.builder.enter(ctx, generations.CaughtUp)
}

func (u *run) index(ctx context.Context) error {
	return u.timed(PhaseIndex, 0, func() error {
		return generations.Index(ctx, u.config.Pool, u.config.Model.ReadModel, u.builder.generation)
	})
}

// live is the live generation and how far it is.
func (u *run) live(ctx context.Context) (generations.Generation, vector, error) {
	live, err := generations.New(u.config.Pool).Live(ctx, u.config.Model.Name)
	if err != nil {
		return live, nil, err
	}
	applied, err := consumer.Applied(ctx, u.config.Pool, live.Consumer(u.config.Model.Consumer()), u.config.topic())
	return live, toVector(applied, len(u.builder.applied)), err
}

// replace builds, compares and swaps. Each part finds out by itself what an earlier run has done.
func (u *run) replace(ctx context.Context) error {
	if u.builder.generation.State == generations.Building || u.builder.generation.State == generations.CaughtUp ||
		u.builder.generation.State == generations.Failed {
		if err := u.build(ctx); err != nil {
			return err
		}
		if err := u.verify(ctx); err != nil {
			return err
		}
	}
	if u.options.NoSwap {
		return nil
	}
	if err := u.handOver(ctx); err != nil {
		return err
	}
	return u.swap(ctx)
}

// build fills the generation up to where the live one is.
func (u *run) build(ctx context.Context) error {
	_, to, err := u.live(ctx)
	if err != nil {
		return err
	}
	if err := u.timed(PhaseBuild, slices.Max(to), func() error { return u.builder.feed(ctx, to) }); err != nil {
		return err
	}
	if err := u.index(ctx); err != nil {
		return err
	}
	for {
		_, to, err := u.live(ctx)
		if err != nil {
			return err
		}
		behind := slices.Max(to) - slices.Max(u.builder.applied)
		if err := u.timed(PhaseCatchUp, slices.Max(to), func() error { return u.builder.feed(ctx, to) }); err != nil {
			return err
		}
		if behind <= nearLive {
			return u.builder.enter(ctx, generations.CaughtUp)
		}
	}
}

// verify compares the generation with the live one, at the same positions.
func (u *run) verify(ctx context.Context) error {
	var report Report
	err := u.timed(PhaseVerify, 0, func() (err error) {
		report, err = u.compare(ctx, nil)
		return err
	})
	if err != nil {
		return err
	}
	u.result.Report = &report
	g := &u.builder.generation
	g.Rows, g.Checksum, g.Reason = report.Rows, report.Checksum, ""
	if report.Different > 0 {
		g.Reason = fmt.Sprintf("%d of %d rows differ from generation %d", report.Different, report.Rows, report.Live)
		if report.Fatal != "" {
			g.Reason = report.Fatal
		}
		if report.Fatal != "" || !u.options.ExpectChanges {
			if err := u.builder.enter(ctx, generations.Failed); err != nil {
				return err
			}
			return &DriftError{report}
		}
	}
	return u.builder.enter(ctx, generations.Verified)
}

// compare brings the builder's generation exactly to where the live one is in a snapshot, and compares both. The live one
// goes on meanwhile; the snapshot does not.
func (u *run) compare(ctx context.Context, only []string) (Report, error) {
	var report Report
	frozen := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, u.config.Pool, frozen, func(tx pgx.Tx) error {
		// The transaction waits while the generation catches up.
		if _, err := tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
			return err
		}
		live, applied, err := u.liveIn(ctx, tx)
		if err != nil {
			return err
		}
		if err := u.builder.feed(ctx, applied); err != nil {
			return err
		}
		if !applied.reaches(u.builder.applied) {
			return fmt.Errorf("generation %d is ahead of the live one", u.builder.generation.Number)
		}
		return pgx.BeginTxFunc(ctx, u.config.Pool, frozen, func(fresh pgx.Tx) error {
			report, err = compare(ctx, u.config.Model.ReadModel,
				side{tx: tx, generation: live, only: only}, side{tx: fresh, generation: u.builder.generation, only: only})
			return err
		})
	})
	return report, err
}

// liveIn is [run.live] in the snapshot of tx.
func (u *run) liveIn(ctx context.Context, tx pgx.Tx) (generations.Generation, vector, error) {
	live, err := generations.In(tx).Live(ctx, u.config.Model.Name)
	if err != nil {
		return live, nil, err
	}
	applied, err := consumer.Applied(ctx, tx, live.Consumer(u.config.Model.Consumer()), u.config.topic())
	return live, toVector(applied, len(u.builder.applied)), err
}

// sample chooses keys to compare.
func (u *run) sample(ctx context.Context) (map[string]bool, error) {
	if !u.options.VerifyOnly || u.options.Sample <= 0 {
		return nil, nil
	}
	table := u.config.Model.Tables[0]
	rows, err := u.config.Pool.Query(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY random() LIMIT $1",
		keyText(table), pgx.Identifier{table.Name}.Sanitize()), u.options.Sample)
	if err != nil {
		return nil, err
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	only := map[string]bool{}
	for _, key := range keys {
		only[key] = true
	}
	return only, err
}

// drift compares the live generation with a fresh fold, which is thrown away.
func (u *run) drift(ctx context.Context, only map[string]bool) (err error) {
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, drop(clean, u.config, u.lease, u.builder.generation))
	}()
	_, to, err := u.live(ctx)
	if err != nil {
		return err
	}
	if err := u.timed(PhaseBuild, slices.Max(to), func() error { return u.builder.feed(ctx, to) }); err != nil {
		return err
	}
	var keys []string
	if only != nil {
		keys = make([]string, 0, len(only))
		for key := range only {
			keys = append(keys, key)
		}
	}
	return u.timed(PhaseVerify, 0, func() error {
		report, err := u.compare(ctx, keys)
		if err != nil {
			return err
		}
		u.result.Report, u.builder.generation.Rows = &report, report.Rows
		if report.Different > 0 {
			return &DriftError{report}
		}
		return nil
	})
}
