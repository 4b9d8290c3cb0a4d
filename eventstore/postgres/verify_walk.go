package postgres

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore"
)

// walk checks the log from config.From to the head: workers take stretch after stretch, and what they find is put together
// in the order of the log.
func (v *verifier) walk(ctx context.Context) (checked int64, finding *Finding, err error) {
	if f := v.checkStart(); f != nil {
		return 0, f, nil
	}
	// The results of stretches, in order. Its room bounds how far workers may be ahead of one that is slow.
	results := make(chan chan stretchResult, 2*v.config.Workers)
	work := make(chan stretchWork)
	g, gctx := errgroup.WithContext(ctx)
	gctx, stop := context.WithCancel(gctx)
	defer stop()
	g.Go(func() error {
		defer close(results)
		defer close(work)
		for after := max(v.config.From-1, 0); after < v.head.Position; after += stretchEvents {
			w := stretchWork{after, min(after+stretchEvents, v.head.Position), make(chan stretchResult, 1)}
			select {
			case results <- w.result:
			case <-gctx.Done():
				return nil // whoever ended it says why
			}
			select {
			case work <- w:
			case <-gctx.Done():
				return nil // whoever ended it says why
			}
		}
		return nil
	})
	for range v.config.Workers {
		g.Go(func() error { return v.checkStretches(gctx, work) })
	}
	g.Go(func() error {
		if checked, finding = v.join(gctx, results); finding != nil {
			stop() // nothing behind it matters
		}
		return nil
	})
	err = g.Wait()
	if ctx.Err() != nil {
		return 0, nil, ctx.Err()
	}
	if finding != nil {
		return checked, finding, nil // a worker that was stopped in the middle is no error
	}
	return checked, nil, err
}

// checkStart finds what is in front of the first position, and what a walk could not begin with.
func (v *verifier) checkStart() *Finding {
	switch {
	case v.firstEvent < 1:
		return &Finding{EventAdded, v.firstEvent, min(v.lastEvent, 0), "there are events before position 1"}
	case v.firstCommit < 1:
		return &Finding{LinkBroken, v.firstCommit, min(v.lastCommit, 0), "there are commits before position 1"}
	case v.head.Position > 0 && (v.partitions < 1 || len(v.tails) != v.partitions):
		detail := fmt.Sprintf("log_head has %d partitions and %d tails", v.partitions, len(v.tails))
		return &Finding{DerivedWrong, 1, v.head.Position, detail}
	}
	return nil
}

// join takes the results of all stretches in their order, checks what one stretch cannot see, and ends with the first
// finding.
func (v *verifier) join(ctx context.Context, results <-chan chan stretchResult) (checked int64, finding *Finding) {
	total := int64(v.head.Position - max(v.config.From-1, 0))
	tails := make([]eventstore.Position, v.partitions)
	if v.config.From > 1 {
		for i := range tails {
			tails[i] = unknown
		}
	}
	end := eventstore.Link{}
	tell := func() {
		if v.config.Progress != nil {
			v.config.Progress(min(checked, total), total)
		}
	}
	tell()
	for next := range results {
		var r stretchResult
		select {
		case r = <-next:
		case <-ctx.Done():
			return checked, nil
		}
		for _, e := range r.entries {
			if tail := tails[e.partition]; tail != unknown && tail != e.prev {
				s := e.suspect(tail)
				r.finding = s.judge(r.finding)
				break
			}
		}
		if r.finding != nil {
			return checked, r.finding
		}
		for i, tail := range r.tails {
			if tail != unknown {
				tails[i] = tail
			}
		}
		if r.end.Position > 0 {
			end = r.end
		}
		checked += r.events
		tell()
	}
	if ctx.Err() != nil {
		return checked, nil
	}
	return checked, v.checkEnd(end, tails)
}

// checkEnd compares where the walk ended with what log_head says.
func (v *verifier) checkEnd(end eventstore.Link, tails []eventstore.Position) *Finding {
	at := v.head.Position
	switch {
	case v.lastCommit > at:
		return &Finding{LinkBroken, at + 1, v.lastCommit, fmt.Sprintf("log_head ends at %d, the chain at %d", at, v.lastCommit)}
	case v.lastEvent > at:
		return &Finding{EventAdded, at + 1, v.lastEvent, fmt.Sprintf("log_head ends at %d, the events at %d", at, v.lastEvent)}
	case end.Position < at && v.lastEvent <= end.Position:
		return &Finding{TailCut, end.Position + 1, at, fmt.Sprintf("log_head ends at %d, the events and the chain at %d", at, end.Position)}
	case end.Position < at:
		return &Finding{LinkBroken, end.Position + 1, at, fmt.Sprintf("the chain ends at %d, log_head at %d", end.Position, at)}
	case end.Hash != v.head.Hash:
		return &Finding{LinkBroken, at, at, "the link in log_head is not that of the last commit"}
	}
	for i, tail := range tails {
		if tail == unknown && v.tails[i] < v.config.From {
			continue
		}
		if tail != v.tails[i] {
			bad := slices.Max([]eventstore.Position{tail, v.tails[i], 1})
			return &Finding{DerivedWrong, bad, bad, fmt.Sprintf("log_head says that partition %d ends at %d, its events say %s", i, v.tails[i], told(tail))}
		}
	}
	return nil
}

func told(p eventstore.Position) string {
	if p == unknown {
		return "otherwise"
	}
	return fmt.Sprint(p)
}
