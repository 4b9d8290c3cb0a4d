package replay

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
)

const (
	// fresh is how long a program's sign of life counts: it gives one each second.
	fresh = 5 * time.Second

	// holdLimit is how long the program that feeds the live generation is kept from committing while the other one comes
	// up to it. It is less than its batches may take.
	holdLimit = 2 * time.Second

	look      = 10 * time.Millisecond
	swapLimit = 30 * time.Second
)

// handOver leaves feeding the generation to the programs that run. They notice within a second.
func (u *run) handOver(ctx context.Context) error {
	g := &u.builder.generation
	if g.Fed {
		return nil
	}
	return u.timed(PhaseHandOver, 0, func() error {
		head, tails, err := u.config.Log.Tails(ctx)
		if err != nil {
			return err
		}
		// If nobody feeds the live one, this makes up for it.
		u.progress.now.Target = head
		if err := u.builder.feed(ctx, tails); err != nil {
			return err
		}
		live, _, err := u.live(ctx)
		if err != nil {
			return err
		}
		g.Fed = true
		return u.lease.guarded(ctx, func(tx pgx.Tx) error {
			// A generation without a checkpoint in a partition would begin at the start of the topic, and find a hole
			// there if the topic is refilled from later on.
			if err := consumer.AdoptOffsets(ctx, tx, u.builder.consumer(), u.config.topic(), live.Consumer(u.config.Model.Consumer())); err != nil {
				return err
			}
			return generations.Record(ctx, tx, *g)
		})
	})
}

// swap makes the generation live as soon as it is as far as the live one.
func (u *run) swap(ctx context.Context) error {
	return u.timed(PhaseSwap, 0, func() error {
		lock, err := swapTo(ctx, u.config, u.lease, u.builder.generation, len(u.builder.applied), false)
		if err != nil {
			return err
		}
		u.result.Swapped, u.result.SwapLock = true, lock
		u.builder.generation.State = generations.Live
		return nil
	})
}

// swapTo makes a generation live. It fails with an *[UnfedError] when it would be left behind then: programs feed the live one,
// and none feeds this; or it does not come up to the live one.
//
// Back is a rollback: to a generation that nobody feeds any more, but that has everything, one may go back, and start its
// program then.
func swapTo(
	ctx context.Context, c Config, l *lease, g generations.Generation, partitions int, back bool,
) (lock time.Duration, err error) {
	deadline := time.NewTimer(swapLimit)
	defer deadline.Stop()
	for began := time.Now(); ; {
		s, err := feeding(ctx, c, g, partitions)
		if err != nil {
			return 0, err
		}
		unfed := &UnfedError{Generation: g, Live: s.live, Behind: s.behind}
		abandoned := s.liveFed && !s.fed && (!back || s.behind > 0)
		if !abandoned {
			lock, err := trySwap(ctx, c, l, g, partitions)
			if err == nil || !errors.Is(err, errBehind) {
				return lock, err
			}
		}
		if time.Since(began) > fresh && (abandoned || !s.fed && !s.liveFed) { // a program on a busy machine is late, not gone
			return 0, unfed
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-deadline.C:
			return 0, unfed
		case <-time.After(10 * look):
		}
	}
}

// feeders is who keeps two generations up to date.
type feeders struct {
	live         generations.Generation
	liveFed, fed bool
	behind       int64 // how far the other one is behind the live one, in the partition where that is most
}

func feeding(ctx context.Context, c Config, g generations.Generation, partitions int) (f feeders, err error) {
	if f.live, err = generations.New(c.Pool).Live(ctx, g.Model); err != nil {
		return f, err
	}
	now, err := generations.New(c.Pool).Fed(ctx, g.Model, fresh)
	if err != nil {
		return f, err
	}
	f.liveFed, f.fed = slices.Contains(now, f.live.Number), slices.Contains(now, g.Number)
	have, err := consumer.Applied(ctx, c.Pool, g.Consumer(c.Model.Consumer()), c.topic())
	if err != nil {
		return f, err
	}
	want, err := consumer.Applied(ctx, c.Pool, f.live.Consumer(c.Model.Consumer()), c.topic())
	if err != nil {
		return f, err
	}
	f.behind = slices.Max(toVector(want, partitions).missing(toVector(have, partitions)))
	return f, nil
}

func toVector(applied map[int32]eventstore.Position, partitions int) vector {
	v := make(vector, partitions)
	for p, position := range applied {
		v[p] = position
	}
	return v
}

// errBehind says that the generation did not come up to the live one while that was held.
var errBehind = errors.New("the new generation is behind the live one")

// trySwap holds the live generation where it is, waits until the other one has come as far, and swaps, all in one
// transaction. Readers wait only for its end, after everything else is done.
func trySwap(ctx context.Context, c Config, l *lease, g generations.Generation, partitions int) (lock time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, holdLimit+5*time.Second)
	defer cancel()
	err = generations.Locked(ctx, c.Pool, g.Model, func(tx pgx.Tx) error {
		if err := l.guard(ctx, tx); err != nil {
			return err
		}
		live, err := generations.In(tx).Live(ctx, g.Model)
		if err != nil {
			return err
		}
		held, err := consumer.Hold(ctx, tx, live.Consumer(c.Model.Consumer()), c.topic(), partitions)
		if err != nil {
			return err
		}
		for began := time.Now(); ; {
			have, err := consumer.Applied(ctx, tx, g.Consumer(c.Model.Consumer()), c.topic())
			if err != nil {
				return err
			}
			if toVector(have, partitions).reaches(toVector(held, partitions)) {
				break
			}
			if time.Since(began) > holdLimit {
				return errBehind
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(look):
			}
		}
		began := time.Now()
		defer func() { lock = time.Since(began) }()
		return generations.Swap(ctx, tx, c.Model.ReadModel, g)
	})
	return lock, err
}

// Rollback makes the generation that was live before live again. It is refused with an *[UnfedError] if nobody has kept it up to
// date.
func (r *Replay) Rollback(ctx context.Context) (Result, error) {
	var result Result
	err := r.exclusively(ctx, false, func(ctx context.Context, l *lease) error {
		list, err := generations.New(r.config.Pool).List(ctx, r.config.Model.Name)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(g generations.Generation) bool { return g.State != generations.Retired || g.Dropped })
		if len(list) == 0 {
			return &NoRollbackError{r.config.Model.Name}
		}
		last := slices.MaxFunc(list, func(a, b generations.Generation) int { return a.RetiredAt.Compare(*b.RetiredAt) })
		_, tails, err := r.config.Log.Tails(ctx)
		if err != nil {
			return err
		}
		if result.SwapLock, err = swapTo(ctx, r.config, l, last, len(tails), true); err != nil {
			return err
		}
		result.Generation, result.Number, result.Swapped = last, last.Number, true
		return nil
	})
	return result, err
}

// Retire drops every generation that is not needed: those that were live before, those that failed or were not finished,
// and views of the past. It returns which.
func (r *Replay) Retire(ctx context.Context) (dropped []generations.Generation, err error) {
	err = r.exclusively(ctx, false, func(ctx context.Context, l *lease) error {
		list, err := generations.New(r.config.Pool).List(ctx, r.config.Model.Name)
		if err != nil {
			return err
		}
		for _, g := range list {
			if g.Dropped || g.State == generations.Live {
				continue
			}
			if err := drop(ctx, r.config, l, g); err != nil {
				return err
			}
			dropped = append(dropped, g)
		}
		return nil
	})
	return dropped, err
}

// drop deletes the tables and checkpoints of a generation.
func drop(ctx context.Context, c Config, l *lease, g generations.Generation) error {
	return generations.Locked(ctx, c.Pool, g.Model, func(tx pgx.Tx) error {
		if err := l.guard(ctx, tx); err != nil {
			return err
		}
		// Checkpoints first, as in every batch: a batch in hand ends before the tables go, and none comes after it.
		if err := consumer.Forget(ctx, tx, g.Consumer(c.Model.Consumer())); err != nil {
			return err
		}
		return generations.Drop(ctx, tx, g)
	})
}
