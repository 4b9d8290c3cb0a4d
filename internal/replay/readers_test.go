package replay_test

import (
	"context"
	"sync"
	"testing"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/replay"
	"github.com/ordo-platform/ordo/projections/orderview"
)

// Readers read some orders again and again while generations are swapped under them, there and back: no read fails or finds
// nothing, and none finds an older state than one before.
func TestReadersNeverGoBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(500)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	var ids []order.ID
	for id := range f.live() {
		ids = append(ids, order.ID(id))
	}
	f.load.Store(10)
	stop := f.run(current())
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	reads := make([]int, 4)
	for reader := range reads {
		readers.Go(func() {
			queries := orderview.NewQueries(f.pool)
			seen := map[order.ID]eventstore.Position{}
			for n := 0; ctx.Err() == nil; n++ {
				id := ids[n%len(ids)]
				o, err := queries.Get(t.Context(), id)
				switch {
				case err != nil:
					t.Errorf("read %s: %v", id, err)
					return
				case o.Position < seen[id]:
					t.Errorf("order %s is back at %d from %d", id, o.Position, seen[id])
					return
				}
				seen[id] = o.Position
				reads[reader]++
			}
		})
	}
	r, err := replay.New(f.config(current()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Run(t.Context(), replay.Options{}); err != nil {
			t.Error(err)
		}
		if _, err := r.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	readers.Wait()
	stop()
	for reader, n := range reads {
		if n == 0 {
			t.Errorf("reader %d has read nothing", reader)
		}
	}
}
