package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/internal/client"
)

const (
	// maxInFlight bounds the requests that have not been answered. An order that is due beyond it is not sent, and counted.
	maxInFlight = 5000

	requestTimeout = 30 * time.Second // longer than the platform works on one
	plenty         = 1_000_000_000    // pieces of what is never short
)

// OrdersConfig says what to send. All fields are required unless they say otherwise.
type OrdersConfig struct {
	URL     string   // of the API
	Brokers []string // where the topic of orders is

	Rate     float64       // orders per second
	Duration time.Duration // of sending; ignored when Count is set
	Count    int           // how many orders to send instead; 0: as many as fit into Duration
	Warmup   time.Duration // sent before all that, at the same rate, and not measured; may be 0
	Mix      Mix

	SKUs      int   // products that the orders are spread over
	HotPieces int64 // > 0: all orders want one piece of one product, of which there are so many
	Seed      uint64

	Settle time.Duration                    // how long to wait for the last orders to end
	Say    func(format string, args ...any) // tells people how it goes, a line a call
}

// run is one run of Orders.
type run struct {
	OrdersConfig
	id       string // makes names of this run its own
	api      *client.Client
	customer string
	books    *books
}

// Orders sends orders and follows each to its end. An error means that there was nothing to measure; what went wrong with
// the orders is in the report.
func Orders(ctx context.Context, c OrdersConfig) (Report, error) {
	// All connections are kept: making them anew for each burst would be work for the platform, too.
	api, err := client.New(client.Config{URL: c.URL, Timeout: requestTimeout, Retry: client.Retry{Attempts: 1}, Idle: maxInFlight})
	if err != nil {
		return Report{}, err
	}
	defer api.Close()
	r := &run{OrdersConfig: c, id: strings.ToUpper(uuid.NewString()[:8]), api: api, books: newBooks()}
	if err := r.open(ctx); err != nil {
		return Report{}, fmt.Errorf("prepare the shop: %w", err)
	}
	follower, err := follow(ctx, c.Brokers, r.books.ended)
	if err != nil {
		return Report{}, fmt.Errorf("read the topic of orders: %w", err)
	}
	defer follower.close()
	shipping, stop := context.WithCancel(ctx)
	var shipper sync.WaitGroup
	shipper.Go(func() { r.ship(shipping) })
	err = r.send(ctx)
	if err == nil {
		r.settle(ctx)
	}
	stop()
	shipper.Wait()
	if err != nil {
		return Report{}, err
	}
	report := r.report()
	report.Checks, err = r.check(ctx)
	if err := follower.err(); err != nil {
		return report, fmt.Errorf("read the topic of orders: %w", err)
	}
	return report, err
}

// open makes products, stock and a customer for this run alone.
func (r *run) open(ctx context.Context) error {
	customer, err := r.api.RegisterCustomer(ctx, client.Customer{Name: "Load " + r.id, Email: "load@example.com"})
	if err != nil {
		return err
	}
	r.customer = customer.Value.ID
	if r.HotPieces > 0 {
		return r.stockUp(ctx, r.hot(), r.HotPieces)
	}
	for i := range r.SKUs {
		if err := r.stockUp(ctx, r.sku(i), plenty); err != nil {
			return err
		}
	}
	return r.stockUp(ctx, r.empty(), 0)
}

func (r *run) stockUp(ctx context.Context, sku string, pieces int64) error {
	price := client.Money{Amount: 1990, Currency: "EUR"}
	if _, err := r.api.PutProduct(ctx, client.Product{SKU: sku, Name: sku, Price: price}); err != nil || pieces == 0 {
		return err
	}
	_, err := r.api.ReceiveStock(ctx, sku, pieces, "load")
	return err
}

func (r *run) sku(i int) string { return fmt.Sprintf("LOAD-%s-%d", r.id, i) }
func (r *run) empty() string    { return "LOAD-" + r.id + "-NONE" }
func (r *run) hot() string      { return "LOAD-" + r.id + "-HOT" }

// send sends each order when it is due.
func (r *run) send(ctx context.Context) error {
	random := rand.New(rand.NewPCG(r.Seed, 0)) //nolint:gosec // a load that can be repeated
	interval := time.Duration(float64(time.Second) / r.Rate)
	warm := int(r.Warmup / interval)
	count := r.Count
	if count == 0 {
		count = int(r.Duration / interval)
	}
	places := make(chan struct{}, maxInFlight)
	var requests sync.WaitGroup
	defer requests.Wait()
	start := time.Now()
	next := start.Add(time.Second)
	for n := range warm + count {
		due := start.Add(time.Duration(n) * interval)
		if err := sleepUntil(ctx, due); err != nil {
			return err
		}
		if n == warm {
			r.books.begin(due)
		}
		o := r.draw(random)
		o.due, o.measured = due, n >= warm
		r.books.sent(o)
		select {
		case places <- struct{}{}:
			requests.Go(func() {
				defer func() { <-places }()
				r.place(ctx, o)
			})
		default:
			r.books.refused(o, "not_sent")
		}
		if due.After(next) {
			next = next.Add(time.Second)
			r.Say("%s", r.books.progress())
		}
	}
	return nil
}

// sent is an order on its way.
type sent struct {
	fate     Fate
	request  client.PlaceOrder
	due      time.Time
	measured bool // the warm-up is over
}

func (r *run) draw(random *rand.Rand) *sent {
	o := &sent{fate: r.Mix.draw(random)}
	f := fates[o.fate]
	sku := r.sku(random.IntN(max(r.SKUs, 1)))
	switch {
	case r.HotPieces > 0:
		sku = r.hot()
	case f.empty:
		sku = r.empty()
	}
	o.request = client.PlaceOrder{CustomerID: r.customer, PaymentMethod: f.method, Lines: []client.Item{{SKU: sku, Quantity: 1}}}
	return o
}

// place sends one order and notes what became of it.
func (r *run) place(ctx context.Context, o *sent) {
	placed, err := r.api.PlaceOrder(ctx, uuid.Must(uuid.NewV7()).String(), o.request)
	var problem *client.ProblemError
	switch {
	case err == nil:
		r.books.placed(o, placed.Value.ID, time.Now())
		if fates[o.fate].cancel {
			_, _ = r.api.CancelOrder(ctx, placed.Value.ID, "load") // if not, it does not end as it should, and that shows
		}
	case errors.As(err, &problem) && problem.Code != "outcome_unknown":
		r.books.refused(o, problem.Code)
	default:
		r.books.refused(o, unknownOutcome)
	}
}

// ship ships orders as they are confirmed, until ctx ends.
func (r *run) ship(ctx context.Context) {
	var requests sync.WaitGroup
	defer requests.Wait()
	for sleepUntil(ctx, time.Now().Add(5*time.Millisecond)) == nil {
		for _, id := range r.books.toShip() {
			requests.Go(func() {
				_, _ = r.api.ShipOrder(ctx, id, client.Shipment{Carrier: "load", TrackingNumber: id}) // as above
			})
		}
	}
}

// settle waits for the last orders to end.
func (r *run) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.Settle)
	defer cancel()
	for r.books.open() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func sleepUntil(ctx context.Context, at time.Time) error {
	d := time.Until(at)
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
