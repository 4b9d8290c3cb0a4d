package consumer_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
)

// answers tells one thing after the other, and the last one for ever.
type answers struct {
	consumer.Source
	unseen []eventstore.Unseen
	asked  int
}

func (a *answers) Unseen(context.Context, []eventstore.Position) (eventstore.Unseen, error) {
	a.asked++
	return a.unseen[min(a.asked, len(a.unseen))-1], nil
}

// The log may grow for ever: what came after the question is not waited for, and all that came before it is.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for name, tc := range map[string]struct {
		unseen []eventstore.Unseen
		asked  int
	}{
		"nothing to see":     {[]eventstore.Unseen{{Head: 5}}, 1},
		"an empty log":       {[]eventstore.Unseen{{}}, 1},
		"one after another":  {[]eventstore.Unseen{{Head: 5, First: 2, Events: 4}, {Head: 5, First: 5, Events: 1}, {Head: 5}}, 3},
		"the log grows":      {[]eventstore.Unseen{{Head: 5, First: 5, Events: 1}, {Head: 9, First: 6, Events: 4}}, 2},
		"grows and not seen": {[]eventstore.Unseen{{Head: 5, First: 5, Events: 1}, {Head: 9, First: 5, Events: 5}, {Head: 12, First: 7, Events: 6}}, 3},
	} {
		log := &answers{unseen: tc.unseen}
		if err := consumer.CatchUp(f.ctx, f.pool, f.name, f.topic(), log); err != nil || log.asked != tc.asked {
			t.Errorf("%s: asked %d times, %v", name, log.asked, err)
		}
	}
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	stuck := &answers{unseen: []eventstore.Unseen{{Head: 5, First: 5, Events: 1}}}
	if err := consumer.CatchUp(ctx, f.pool, "stuck", f.topic(), stuck); !errors.Is(err, context.Canceled) {
		t.Errorf("of one that never gets there: %v", err)
	}
}
