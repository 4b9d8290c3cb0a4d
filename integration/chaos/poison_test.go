package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/integration/judge"
)

// unknownEvent: an order gets an event that a program of the future has written. Its partition stands still in every reader.
func unknownEvent(w *world, mutant string) {
	p := w.start(setup{mutant: mutant})
	p.ready()
	first := w.placeOne(p)
	written := w.appendTo(first.Stream, first.Version+1, eventstore.Event{
		ID: eventstore.NewID(), Type: judge.UnknownType, SchemaVersion: 1, Data: []byte("{}"),
	})
	await(w.T, "the event is met", func() bool {
		return w.passed("views.orderview", written) || strings.Contains(readyz(w.T, p.url), "is stopped")
	})
}

// poisonedKey: an event cannot be decoded, and a good one follows it in its stream. A read model would refuse that by its version;
// reactions have no such guard.
func poisonedKey(w *world, mutant string) {
	p := w.start(setup{mutant: mutant})
	p.ready()
	written := w.poison(w.placeOne(p))
	await(w.T, "the good event is met", func() bool { return w.passed("inventory.fulfilment", written) })
}

// TestKilledAfterParking: nothing is set aside twice, or without the checkpoint, by a process that is killed before it commits.
func TestKilledAfterParking(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	w, _ := open(t)
	p := w.start(setup{failpoints: "consumer/after-park:views.orderview=kill@1"})
	p.ready()
	written := w.poison(w.placeOne(p))
	p.diesAt("consumer/after-park")
	w.forget()
	w.start(setup{}).ready()
	await(t, "the good event is met", func() bool { return w.passed("views.orderview", written) })
	w.verdict("", "T17 ", true)
}

type written struct {
	Stream    string
	Version   int64
	Partition int32
	Position  int64
	Data      string
}

// placeOne places an order, waits until it has come to rest, and returns its last event with the data of its first.
func (w *world) placeOne(p *child) written {
	w.T.Helper()
	books := judge.OpenShop(w.T, p.url)
	await(w.T, "an order is accepted", func() bool { return books.Place(w.T.Context(), p.url, "one") })
	if open := w.Rest(judge.Patience); open != "" {
		w.T.Fatal(open)
	}
	return judge.Query[written](w.World, "orders", `SELECT stream, version, partition, position, (SELECT data::text FROM events WHERE stream = e.stream AND version = 1)
		FROM events e ORDER BY position DESC LIMIT 1`)[0]
}

// poison appends a new order whose first event cannot be decoded and whose second is a good one. It returns that.
func (w *world) poison(example written) written {
	w.T.Helper()
	id := uuid.NewString()
	good := strings.ReplaceAll(example.Data, strings.TrimPrefix(example.Stream, "order-"), id)
	return w.appendTo("order-"+id, 1,
		eventstore.Event{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"order_id":5}`)},
		eventstore.Event{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(good)})
}

// appendTo appends events to a stream of orders, the first with this version, behind the back of the process. It returns the last.
func (w *world) appendTo(stream string, version int64, events ...eventstore.Event) written {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), judge.Patience)
	defer cancel()
	pool, err := pgxpool.New(ctx, w.DatabaseURL("orders"))
	if err != nil {
		w.T.Fatal(err)
	}
	defer pool.Close()
	store, err := eventpg.Open(ctx, pool, eventpg.Config{Partitions: 12, UnsafeDurability: true})
	if err != nil {
		w.T.Fatal(err)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := store.AppendTx(ctx, tx, eventstore.Append{Streams: []eventstore.StreamAppend{{
			Stream: eventstore.StreamID(stream), Expected: eventstore.Exactly(eventstore.Version(version - 1)), Events: events,
		}}})
		return err
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return judge.Query[written](w.World, "orders", fmt.Sprintf(
		"SELECT stream, version, partition, position, '' FROM events WHERE stream = '%s' ORDER BY position DESC LIMIT 1", stream))[0]
}

// passed tells whether a reader of orders has put an event behind it.
func (w *world) passed(reader string, e written) bool {
	service, _, _ := strings.Cut(reader, ".")
	return len(judge.Query[struct{ Position int64 }](w.World, service, fmt.Sprintf(
		"SELECT position FROM checkpoints WHERE consumer = '%s' AND topic = 'orders.events' AND partition = %d AND position >= %d",
		reader, e.Partition, e.Position))) > 0
}

func readyz(t testing.TB, url string) string {
	t.Helper()
	answer, err := httpClient.Get(url + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(answer.Body)
	return http.StatusText(answer.StatusCode) + string(body)
}
