package httpapi_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/salesdaily"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// memStore is an event store in memory, with the contract of the real one as far as commands see it.
type memStore struct {
	mu       sync.Mutex
	log      []eventstore.Recorded
	receipts map[string]eventstore.Receipt

	beforeAppend func(eventstore.Append) error // may block; its error is the append's
	afterAppend  func() error                  // the same, once all is stored
	reads        int
}

func (s *memStore) Append(ctx context.Context, a eventstore.Append) (eventstore.Commit, error) {
	if s.beforeAppend != nil {
		if err := s.beforeAppend(a); err != nil {
			return eventstore.Commit{}, err
		}
	}
	commit, err := s.append(a)
	if err == nil && s.afterAppend != nil {
		err = s.afterAppend()
	}
	return commit, cmp.Or(err, ctx.Err())
}

func (s *memStore) append(a eventstore.Append) (eventstore.Commit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Receipt != nil {
		if used, ok := s.receipts[a.Receipt.Scope+"\x00"+a.Receipt.Key]; ok {
			return eventstore.Commit{}, &eventstore.KeyUsedError{Receipt: used}
		}
	}
	for _, sa := range a.Streams {
		if actual := s.version(sa.Stream); sa.Expected != eventstore.AnyVersion && sa.Expected != eventstore.Exactly(actual) {
			return eventstore.Commit{}, &eventstore.ConflictError{Stream: sa.Stream, Expected: sa.Expected, Actual: actual}
		}
	}
	commit := eventstore.Commit{First: eventstore.Position(len(s.log) + 1)}
	for _, sa := range a.Streams {
		version := s.version(sa.Stream)
		for _, e := range sa.Events {
			version++
			s.log = append(s.log, eventstore.Recorded{
				Event: e, Stream: sa.Stream, Version: version, Position: eventstore.Position(len(s.log) + 1), RecordedAt: now,
			})
		}
		commit.Versions = append(commit.Versions, version)
	}
	commit.Last = eventstore.Position(len(s.log))
	if a.Receipt != nil {
		receipt := *a.Receipt
		receipt.Position = commit.Last
		if s.receipts == nil {
			s.receipts = map[string]eventstore.Receipt{}
		}
		s.receipts[receipt.Scope+"\x00"+receipt.Key] = receipt
	}
	return commit, nil
}

func (s *memStore) version(stream eventstore.StreamID) eventstore.Version {
	var v eventstore.Version
	for _, e := range s.log {
		if e.Stream == stream {
			v = e.Version
		}
	}
	return v
}

func (s *memStore) Receipt(_ context.Context, scope, key string) (eventstore.Receipt, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.receipts[scope+"\x00"+key]
	return r, ok, nil
}

func (s *memStore) ReadStream(_ context.Context, stream eventstore.StreamID, after eventstore.Version, _ int) ([]eventstore.Recorded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	var found []eventstore.Recorded
	for _, e := range s.log {
		if e.Stream == stream && e.Version > after {
			found = append(found, e)
		}
	}
	return found, nil
}

func (s *memStore) ReadStreams(ctx context.Context, streams map[eventstore.StreamID]int) (map[eventstore.StreamID]eventstore.History, error) {
	histories := map[eventstore.StreamID]eventstore.History{}
	for stream := range streams {
		events, err := s.ReadStream(ctx, stream, 0, 0)
		if err != nil {
			return nil, err
		}
		histories[stream] = eventstore.History{Events: events}
	}
	return histories, nil
}

func (s *memStore) SaveSnapshots(context.Context, ...eventstore.Snapshot) error { return nil }

func (s *memStore) ReadLog(context.Context, eventstore.Position, int) ([]eventstore.Recorded, error) {
	panic("not used by the API")
}

func (s *memStore) Head(context.Context) (eventstore.Position, error) {
	panic("not used by the API")
}

func (s *memStore) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.log)
}

// memModel is a read model in memory, for any kind of row.
type memModel[K cmp.Ordered, R any] struct {
	mu   sync.Mutex
	rows map[K]R
	err  error
	gets int
}

func (m *memModel[K, R]) put(key K, row R) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = map[K]R{}
	}
	m.rows[key] = row
}

func (m *memModel[K, R]) Get(_ context.Context, key K) (R, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gets++
	row, ok := m.rows[key]
	if m.err != nil {
		return row, m.err
	}
	if !ok {
		return row, &projections.NotFoundError{ReadModel: "mem"}
	}
	return row, nil
}

func (m *memModel[K, R]) GetMany(_ context.Context, keys []K) (map[K]R, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[K]R{}
	for _, key := range keys {
		if row, ok := m.rows[key]; ok {
			found[key] = row
		}
	}
	return found, m.err
}

// memOrders lists as the real model does: newest first.
type memOrders struct {
	memModel[order.ID, orderview.Order]
}

func (m *memOrders) List(_ context.Context, f orderview.Filter, limit int, after *orderview.Cursor) (orderview.Page, error) {
	var found []orderview.Order
	for _, o := range m.rows {
		if f.Status != "" && o.Status != f.Status || f.CustomerID != "" && o.CustomerID != f.CustomerID {
			continue
		}
		if after == nil || o.PlacedAt.Before(after.PlacedAt) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(x, y orderview.Order) int { return y.PlacedAt.Compare(x.PlacedAt) })
	if len(found) <= limit {
		return orderview.Page{Orders: found}, m.err
	}
	last := found[limit-1]
	return orderview.Page{Orders: found[:limit], Next: &orderview.Cursor{PlacedAt: last.PlacedAt, ID: last.ID}}, m.err
}

type memProducts struct {
	memModel[product.SKU, productview.Product]
	fresh int
}

func (m *memProducts) Fresh(ctx context.Context, sku product.SKU) (productview.Product, error) {
	m.fresh++
	return m.Get(ctx, sku)
}

func (m *memProducts) List(_ context.Context, _ productview.Filter, limit int, after product.SKU) (productview.Page, error) {
	var found []productview.Product
	for sku, p := range m.rows {
		if sku > after {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(x, y productview.Product) int { return cmp.Compare(x.SKU, y.SKU) })
	if len(found) <= limit {
		return productview.Page{Products: found}, m.err
	}
	return productview.Page{Products: found[:limit], Next: found[limit-1].SKU}, m.err
}

// memSales lists the sales of a SKU on each of its days.
type memSales struct{ asked []salesdaily.Filter }

func (m *memSales) Days(_ context.Context, f salesdaily.Filter, limit int, after *salesdaily.Cursor) (salesdaily.Page, error) {
	m.asked = append(m.asked, f)
	var p salesdaily.Page
	for day := f.From; !day.After(f.To); day = day.AddDate(0, 0, 1) {
		if after != nil && !day.After(after.Day) {
			continue
		}
		if len(p.Sales) == limit {
			last := p.Sales[limit-1]
			p.Next = &salesdaily.Cursor{Day: last.Day, SKU: last.SKU, Currency: last.Currency}
			break
		}
		p.Sales = append(p.Sales, salesdaily.Sales{Day: day, SKU: "MUG-1", Currency: "EUR", Orders: 1, Pieces: 2, Revenue: 3980})
	}
	return p, nil
}

// memCustomerOrders has no more last orders than it is asked for.
type memCustomerOrders struct {
	memModel[string, customerorders.Customer]
}

func (m *memCustomerOrders) Get(ctx context.Context, customer string, limit int) (customerorders.Customer, error) {
	c, err := m.memModel.Get(ctx, customer)
	c.Last = c.Last[:min(limit, len(c.Last))]
	return c, err
}

type (
	memCustomers = memModel[customer.ID, customerview.Customer]
	memStock     = memModel[stock.SKU, stocklevels.Level]
)

// lockedBuffer is a log to look into.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var now = time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
