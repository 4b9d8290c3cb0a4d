package history_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/history"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/schemas"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func migrated(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(t.Context(), url, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := db.Migrate(t.Context(), pool, "eventstore", postgres.Migrations()); err != nil {
		t.Fatal(err)
	}
	return pool
}

func generate(t *testing.T, cfg history.Config) map[string][]postgres.Row {
	t.Helper()
	logs := map[string][]postgres.Row{}
	if err := history.Generate(cfg, func(service string, row postgres.Row) error {
		logs[service] = append(logs[service], row)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return logs
}

// TestHistoryIsWhatTheDomainRecords folds every stream with the domain's own Evolve and looks at where orders end.
func TestHistoryIsWhatTheDomainRecords(t *testing.T) {
	t.Parallel()
	logs := generate(t, history.Config{Events: 20_000, Seed: 7})
	ids := map[uuid.UUID]bool{}
	streams := map[string][]aggregates.Event{}
	for service, rows := range logs {
		versions := map[eventstore.StreamID]eventstore.Version{}
		for i, r := range rows {
			if versions[r.Stream]++; r.Version != versions[r.Stream] {
				t.Fatalf("%s: version %d, want %d", r.Stream, r.Version, versions[r.Stream])
			}
			if ids[r.ID] {
				t.Fatalf("id %s twice", r.ID)
			}
			ids[r.ID] = true
			if i > 0 && r.RecordedAt.Before(rows[i-1].RecordedAt) {
				t.Fatalf("%s: event %d is older than the one before", service, i)
			}
			e, err := schemas.Decode(r.Event)
			if err != nil {
				t.Fatal(err)
			}
			streams[string(r.Stream)] = append(streams[string(r.Stream)], e)
		}
	}
	ends := map[order.Status]int{}
	open := map[string]int64{} // reserved by orders that have not ended
	for id, events := range streams {
		switch category, key, _ := strings.Cut(id, "-"); category {
		case "order":
			s := fold(t, order.Decider, events)
			ends[s.Status]++
			if s.Status == order.StatusConfirmed {
				for _, l := range fold(t, reservation.Decider, streams["reservation-"+key]).Lines {
					open[l.SKU] += l.Quantity
				}
			}
		case "payment":
			fold(t, payment.Decider, events)
		case "reservation":
			fold(t, reservation.Decider, events)
		case "product":
			fold(t, product.Decider, events)
		case "customer":
			fold(t, customer.Decider, events)
		case "stock":
		default:
			t.Errorf("stream %s", id)
		}
	}
	for id, events := range streams {
		if sku, ok := strings.CutPrefix(id, "stock-"); ok {
			if s := fold(t, stock.Decider, events); s.Reserved != open[sku] || s.OnHand < s.Reserved {
				t.Errorf("%s: %d on hand, %d reserved, open orders hold %d", sku, s.OnHand, s.Reserved, open[sku])
			}
		}
	}
	total := 0
	for _, n := range ends {
		total += n
	}
	for _, end := range []order.Status{order.StatusShipped, order.StatusConfirmed, order.StatusRejected, order.StatusCancelled} {
		if ends[end] < total/20 {
			t.Errorf("%d of %d orders are %s", ends[end], total, end)
		}
		delete(ends, end)
	}
	if len(ends) > 0 {
		t.Errorf("orders that have not ended: %v", ends)
	}
}

func fold[S any, C any, E aggregates.Event](t *testing.T, d aggregates.Decider[S, C, E], events []aggregates.Event) S {
	t.Helper()
	s := d.Initial()
	for _, e := range events {
		own, ok := e.(E)
		if !ok {
			t.Fatalf("%s in a stream of others", e.EventType())
		}
		s = d.Evolve(s, own)
	}
	return s
}

// TestHistoryFollowsFromItsSeed: the same seed, the same events; more of them begin the same.
func TestHistoryFollowsFromItsSeed(t *testing.T) {
	t.Parallel()
	short, long := generate(t, history.Config{Events: 5000, Seed: 1}), generate(t, history.Config{Events: 6000, Seed: 1})
	other := generate(t, history.Config{Events: 5000, Seed: 2})
	for service, rows := range short {
		if !reflect.DeepEqual(rows, long[service][:len(rows)]) {
			t.Errorf("%s: the longer history begins otherwise", service)
		}
		if rows[0].ID == other[service][0].ID {
			t.Errorf("%s: another seed has the same events", service)
		}
	}
}

func TestHistoryEndsWithTheErrorOfItsReader(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	n := 0
	err := history.Generate(history.Config{Events: 10_000}, func(string, postgres.Row) error {
		if n++; n == 3000 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 3000 {
		t.Errorf("%v after %d events", err, n)
	}
}

// TestFill fills real logs, once in part, and then the whole.
func TestFill(t *testing.T) {
	t.Parallel()
	pools := map[string]*postgres.Log{}
	urls := map[string]string{}
	for _, service := range []string{"orders", "inventory", "payments", "catalog", "customers"} {
		urls[service] = testenv.Postgres(t)
	}
	open := func() map[string]*postgres.Importer {
		importers := map[string]*postgres.Importer{}
		for service, url := range urls {
			pool := migrated(t, url)
			im, err := postgres.OpenImporter(t.Context(), pool, postgres.Config{UnsafeDurability: true})
			if err != nil {
				t.Fatal(err)
			}
			if importers[service] = im; pools[service] == nil {
				if pools[service], err = postgres.OpenLog(t.Context(), pool); err != nil {
					t.Fatal(err)
				}
			}
		}
		return importers
	}
	half, err := history.Fill(t.Context(), open(), history.Config{Events: 4000, Seed: 3}, nil)
	if err != nil || half.Stored < 4000 || half.Known != 0 {
		t.Fatalf("%+v, %v", half, err)
	}
	whole, err := history.Fill(t.Context(), open(), history.Config{Events: 8000, Seed: 3}, nil)
	if err != nil || whole.Known != half.Stored || whole.Known+whole.Stored < 8000 {
		t.Fatalf("%+v after %+v, %v", whole, half, err)
	}
	want := generate(t, history.Config{Events: 8000, Seed: 3})
	for service, url := range urls {
		if v, err := postgres.Verify(t.Context(), migrated(t, url), postgres.VerifyConfig{}); err != nil || v.Finding != nil || v.Events == 0 {
			t.Errorf("%s: %+v, %v", service, v, err)
		}
	}
	for service, log := range pools {
		var got []string
		for row, err := range log.Rows(t.Context(), postgres.Query{Until: 10_000}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(row.Stream, row.Version, row.ID, row.RecordedAt.UnixMicro(), string(row.Data), string(row.RawMetadata)))
		}
		var stored []string
		for _, row := range want[service] {
			stored = append(stored, fmt.Sprint(row.Stream, row.Version, row.ID, row.RecordedAt.UnixMicro(), string(row.Data), string(row.RawMetadata)))
		}
		if !slices.Equal(got, stored) {
			t.Errorf("%s: %d events, want %d", service, len(got), len(stored))
		}
	}
}
