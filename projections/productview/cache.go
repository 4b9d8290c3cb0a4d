package productview

import (
	"context"
	"sync"
	"time"

	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
)

const (
	// DefaultTTL is how long a [Cache] believes what it has read when nobody tells it better.
	DefaultTTL = 2 * time.Second

	// cached is how many products a cache holds at most.
	cached = 10_000
)

// reader is what a cache stands in front of.
type reader interface {
	Get(ctx context.Context, sku product.SKU) (Product, error)
	GetMany(ctx context.Context, skus []product.SKU) (map[product.SKU]Product, error)
	List(ctx context.Context, f Filter, limit int, after product.SKU) (Page, error)
}

// Cache keeps products that were read in the memory of this process. Whoever hears of an event calls Changed; the TTL bounds
// for how long a product that nobody was told about may be older than its row. Only products that are there are kept: one
// that is missing is looked for each time.
//
// Products that are asked for together may come from different moments, each no older than that. For what must not be
// older than something already seen, there is Fresh. It may be used by many goroutines.
type Cache struct {
	rows reader
	ttl  time.Duration
	now  func() time.Time

	mu      sync.Mutex
	entries map[product.SKU]entry
}

// entry is a product, or what is known of one that has changed: no row with a version before least is kept.
type entry struct {
	product Product
	least   eventstore.Version
	until   time.Time
}

func (e entry) holds() bool { return e.product.Version > 0 && e.product.Version >= e.least }

// NewCache returns an empty cache in front of rows. TTL 0 is [DefaultTTL].
func NewCache(rows *Queries, ttl time.Duration) *Cache { return newCache(rows, ttl, time.Now) }

func newCache(rows reader, ttl time.Duration, now func() time.Time) *Cache {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	return &Cache{rows: rows, ttl: ttl, now: now, entries: map[product.SKU]entry{}}
}

// Changed says that a product has an event of this version. What is older is not answered with any more, and a row that was
// read before the event reached the table is not kept.
func (c *Cache) Changed(sku product.SKU, version eventstore.Version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[sku]
	if e.product.Version >= version {
		return // it was read after that
	}
	c.put(sku, entry{least: max(e.least, version), until: c.now().Add(c.ttl)})
}

// Get is [Queries.Get], if need be.
func (c *Cache) Get(ctx context.Context, sku product.SKU) (Product, error) {
	if p, ok := c.lookUp(sku); ok {
		return p, nil
	}
	return c.Fresh(ctx, sku)
}

// Fresh is [Queries.Get]: the row as it is now.
func (c *Cache) Fresh(ctx context.Context, sku product.SKU) (Product, error) {
	read := c.now()
	p, err := c.rows.Get(ctx, sku)
	if err == nil {
		c.keep(read, p)
	}
	return p, err
}

// GetMany is [Queries.GetMany] for those of the products that are not in the cache.
func (c *Cache) GetMany(ctx context.Context, skus []product.SKU) (map[product.SKU]Product, error) {
	found := make(map[product.SKU]Product, len(skus))
	var missing []product.SKU
	for _, sku := range skus {
		if p, ok := c.lookUp(sku); ok {
			found[sku] = p
		} else {
			missing = append(missing, sku)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	read := c.now()
	rows, err := c.rows.GetMany(ctx, missing)
	for sku, p := range rows {
		found[sku] = p
		c.keep(read, p)
	}
	return found, err
}

// List is [Queries.List]: lists are not cached.
func (c *Cache) List(ctx context.Context, f Filter, limit int, after product.SKU) (Page, error) {
	return c.rows.List(ctx, f, limit, after)
}

func (c *Cache) lookUp(sku product.SKU) (Product, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[sku]
	return e.product, e.holds() && c.now().Before(e.until)
}

// keep takes a row in that was asked for at a time, unless more is known of it already.
func (c *Cache) keep(read time.Time, p Product) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[p.SKU]; read.Before(e.until) && p.Version < max(e.least, e.product.Version) {
		return
	}
	c.put(p.SKU, entry{product: p, until: read.Add(c.ttl)})
}

// put makes room by dropping what is no longer good, and if that is not enough, anything.
func (c *Cache) put(sku product.SKU, e entry) {
	if _, there := c.entries[sku]; !there && len(c.entries) >= cached {
		now := c.now()
		for other, old := range c.entries {
			if !now.Before(old.until) {
				delete(c.entries, other)
			}
		}
		for other := range c.entries {
			if len(c.entries) < cached {
				break
			}
			delete(c.entries, other)
		}
	}
	c.entries[sku] = e
}
