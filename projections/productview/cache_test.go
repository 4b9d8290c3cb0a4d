package productview

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
)

// table is what a cache reads, with a step between looking and answering in which things may happen.
type table struct {
	rows    map[product.SKU]Product
	reads   int
	between func()
}

func (t *table) Get(ctx context.Context, sku product.SKU) (Product, error) {
	found, err := t.GetMany(ctx, []product.SKU{sku})
	if p, ok := found[sku]; ok || err != nil {
		return p, err
	}
	return Product{}, &projections.NotFoundError{ReadModel: Model.Name, Key: string(sku)}
}

func (t *table) GetMany(_ context.Context, skus []product.SKU) (map[product.SKU]Product, error) {
	found := map[product.SKU]Product{}
	for _, sku := range skus {
		t.reads++
		if p, ok := t.rows[sku]; ok {
			found[sku] = p
		}
	}
	if t.between != nil {
		t.between()
	}
	return found, nil
}

func (t *table) List(context.Context, Filter, int, product.SKU) (Page, error) { return Page{}, nil }

func (t *table) set(sku product.SKU, version eventstore.Version) {
	t.rows[sku] = Product{SKU: sku, Mark: projections.Mark{Version: version}}
}

// fixture is a cache whose clock is moved by hand, in front of a table that has MUG in version 1.
func fixture() (c *Cache, rows *table, now *time.Time) {
	now = new(time.Now())
	rows = &table{rows: map[product.SKU]Product{}}
	rows.set("MUG", 1)
	return newCache(rows, time.Minute, func() time.Time { return *now }), rows, now
}

// want reads MUG and says how many rows that may take.
func want(t *testing.T, c *Cache, rows *table, version eventstore.Version, reads int) {
	t.Helper()
	before := rows.reads
	p, err := c.Get(t.Context(), "MUG")
	if err != nil || p.Version != version || rows.reads-before != reads {
		t.Errorf("version %d after %d reads (%v), want %d after %d", p.Version, rows.reads-before, err, version, reads)
	}
}

func TestCacheKeepsUntilToldOrTooOld(t *testing.T) {
	t.Parallel()
	c, rows, now := fixture()
	want(t, c, rows, 1, 1)
	want(t, c, rows, 1, 0)

	c.Changed("MUG", 1) // it is as new as that
	want(t, c, rows, 1, 0)

	rows.set("MUG", 2)
	c.Changed("MUG", 2)
	want(t, c, rows, 2, 1)
	want(t, c, rows, 2, 0)

	rows.set("MUG", 3) // and nobody says so
	*now = now.Add(time.Minute - 1)
	want(t, c, rows, 2, 0)
	*now = now.Add(1)
	want(t, c, rows, 3, 1)
}

// The event may be heard of before the table has it: by then, older rows are answered with and not kept.
func TestCacheKeepsNothingOlderThanAnEvent(t *testing.T) {
	t.Parallel()
	c, rows, _ := fixture()
	want(t, c, rows, 1, 1)
	c.Changed("MUG", 3)
	want(t, c, rows, 1, 1)
	rows.set("MUG", 2)
	want(t, c, rows, 2, 1)
	rows.set("MUG", 3)
	want(t, c, rows, 3, 1)
	want(t, c, rows, 3, 0)

	// Read before, answered after it.
	c, rows, _ = fixture()
	rows.between = func() { c.Changed("MUG", 2) }
	want(t, c, rows, 1, 1)
	rows.between = nil
	rows.set("MUG", 2)
	want(t, c, rows, 2, 1)
	want(t, c, rows, 2, 0)
}

// A slow reader does not put what it has read over what was read after it, and the age of a row counts from before it was read.
func TestCacheSlowReader(t *testing.T) {
	t.Parallel()
	c, rows, _ := fixture()
	rows.between = func() {
		rows.between = nil
		rows.set("MUG", 2)
		want(t, c, rows, 2, 1)
	}
	want(t, c, rows, 1, 2) // its own read, and the other's
	want(t, c, rows, 2, 0)

	c, rows, now := fixture()
	rows.between = func() { *now = now.Add(time.Minute) }
	want(t, c, rows, 1, 1)
	rows.between = nil
	want(t, c, rows, 1, 1)
}

func TestCacheDoesNotKeepWhatIsMissing(t *testing.T) {
	t.Parallel()
	c, rows, _ := fixture()
	for reads := range 2 {
		found, err := c.GetMany(t.Context(), []product.SKU{"MUG", "CUP"})
		if err != nil || len(found) != 1 || rows.reads != 2+reads {
			t.Fatalf("%v after %d reads, %v", found, rows.reads, err)
		}
	}
	rows.set("CUP", 1)
	if found, err := c.GetMany(t.Context(), []product.SKU{"MUG", "CUP"}); err != nil || len(found) != 2 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestCacheFresh(t *testing.T) {
	t.Parallel()
	c, rows, _ := fixture()
	want(t, c, rows, 1, 1)
	rows.set("MUG", 2)
	if p, err := c.Fresh(t.Context(), "MUG"); err != nil || p.Version != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	want(t, c, rows, 2, 0)
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c, rows, now := fixture()
	want(t, c, rows, 1, 1)
	*now = now.Add(time.Minute)
	for i := range cached + 10 {
		sku := product.SKU(fmt.Sprint(i))
		rows.set(sku, 1)
		if _, err := c.Get(t.Context(), sku); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.entries); n != cached {
		t.Errorf("%d entries", n)
	}
	if _, there := c.entries["MUG"]; there {
		t.Error("what is too old makes no room")
	}
}
