package history

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/schemas"
)

// The shop of every history.
const (
	products  = 500
	customers = 2000

	// orderEvery is the time between orders, and commitEvery that between the commits of a log: a busy shop, whose appends
	// come in groups.
	orderEvery  = 20 * time.Millisecond
	commitEvery = 200 * time.Millisecond

	received = 1_000_000_000 // pieces of each product

	// MaxEvents bounds a history: it ends before the present.
	MaxEvents = 1_000_000_000
)

// start is when every history begins.
var start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Config says which history.
type Config struct {
	// Events is how many there are at least, in all logs together. The history ends with the order that reaches it; an
	// order is about ten events.
	Events int64
	Seed   uint64
}

// Generate generates the events of a shop in the order they happened, each with the service that recorded it, and hands
// them to emit, whose error ends it. Rows have everything but positions.
func Generate(cfg Config, emit func(service string, row postgres.Row) error) error {
	h := &generator{
		random:   rand.New(rand.NewPCG(cfg.Seed, 0)), //nolint:gosec // it is to be the same each time
		versions: map[eventstore.StreamID]eventstore.Version{},
		emit:     emit,
		now:      start,
	}
	h.popular = rand.NewZipf(h.random, 1.1, 8, products-1)
	h.open()
	for h.err == nil && h.events < cfg.Events {
		h.order()
	}
	return h.err
}

type generator struct {
	random  *rand.Rand
	popular *rand.Zipf // product
	emit    func(string, postgres.Row) error
	err     error // the first; nothing happens after it
	events  int64
	now     time.Time

	versions  map[eventstore.StreamID]eventstore.Version // of streams that go on; those of an order end with it
	prices    []aggregates.Money
	customers []string
}

// cause is the event before, from which the next one follows.
type cause struct {
	id          uuid.UUID
	correlation string
	trace       string
}

// newID is a UUID version 7 of this history.
func (h *generator) newID() uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(h.now.UnixMilli())<<16)
	binary.BigEndian.PutUint16(id[6:], uint16(h.random.UintN(1<<12))) //nolint:gosec // 12 bits
	binary.BigEndian.PutUint64(id[8:], h.random.Uint64())
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// request begins a story.
func (h *generator) request() cause {
	trace := fmt.Sprintf("00-%016x%016x-%016x-01", h.random.Uint64(), h.random.Uint64(), h.random.Uint64())
	return cause{correlation: trace[3:35], trace: trace}
}

// record is an event that follows from another in a step, the n-th of that step. Its own place is the next cause.
func (h *generator) record(service, stream string, e aggregates.Event, from cause, step string, n int) cause {
	if h.err != nil {
		return from
	}
	id, metadata := h.newID(), eventstore.Metadata{CorrelationID: from.correlation, Actor: step, TraceParent: from.trace}
	if from.id != uuid.Nil {
		id = eventstore.DeriveID(from.id, step, n)
		metadata.CausationID, metadata.Actor = from.id.String(), "step:"+step
	}
	eventType, schemaVersion, data, err := schemas.Encode(e)
	if err != nil {
		h.err = fmt.Errorf("event %d of the history: %w", h.events+1, err)
		return from
	}
	raw, err := json.Marshal(metadata)
	if err != nil {
		h.err = err
		return from
	}
	streamID := eventstore.StreamID(stream)
	h.versions[streamID]++
	h.events++
	h.err = h.emit(service, postgres.Row{Recorded: eventstore.Recorded{
		Event:  eventstore.Event{ID: id, Type: eventType, SchemaVersion: schemaVersion, Data: data, Metadata: metadata},
		Stream: streamID, Version: h.versions[streamID], RecordedAt: h.now.Truncate(commitEvery),
	}, RawMetadata: raw})
	return cause{id: id, correlation: from.correlation, trace: from.trace}
}

// open lists the products, fills the stock and registers the customers.
func (h *generator) open() {
	for n := range products {
		price := aggregates.Money{Amount: 100 + h.random.Int64N(20_000), Currency: "EUR"}
		h.prices = append(h.prices, price)
		id := sku(n)
		h.record("catalog", product.Stream(product.SKU(id)), product.Listed{
			SKU: product.SKU(id), Name: "Product " + id, Price: price, At: h.now,
		}, h.request(), "client", 0)
		if available(n) {
			h.record("inventory", stock.Stream(stock.SKU(id)), stock.Received{
				SKU: stock.SKU(id), Quantity: received, Reference: "first delivery", At: h.now,
			}, h.request(), "client", 0)
		}
	}
	for n := range customers {
		id := h.newID().String()
		h.customers = append(h.customers, id)
		h.record("customers", customer.Stream(customer.ID(id)), customer.Registered{
			CustomerID: customer.ID(id), Name: fmt.Sprintf("Customer %d", n), Email: fmt.Sprintf("customer-%d@example.com", n), At: h.now,
		}, h.request(), "client", 0)
	}
}

func sku(n int) string { return fmt.Sprintf("SKU-%04d", n) }

// available tells whether a product was ever delivered; of the others nothing can be reserved.
func available(n int) bool { return n%10 != 9 }

// lines picks one to three products, popular ones more often, all in stock or with one that is not.
func (h *generator) lines(inStock bool) []order.Line {
	var lines []order.Line
	picked := map[int]bool{}
	for range 1 + h.random.IntN(3) {
		n := int(h.popular.Uint64()) //nolint:gosec // below products
		if !available(n) {
			n--
		}
		if !inStock && len(lines) == 0 {
			n += 9 - n%10
		}
		if picked[n] {
			continue
		}
		picked[n] = true
		lines = append(lines, order.Line{SKU: sku(n), Quantity: 1 + h.random.Int64N(4), UnitPrice: h.prices[n]})
	}
	return lines
}
