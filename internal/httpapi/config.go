package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/salesdaily"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// Names of the services, as positions ("orders:17") carry them.
const (
	ordersService    = "orders"
	inventoryService = "inventory"
	paymentsService  = "payments"
	catalogService   = "catalog"
	customersService = "customers"
)

// MinCursorKeyLength is how many bytes a [Config].CursorKey needs at least.
const MinCursorKeyLength = 32

// Config says what the API serves. A service that is nil is not run by this process and has no routes.
type Config struct {
	Orders    *Orders
	Inventory *Service
	Payments  *Payments
	Catalog   *Service
	Customers *Service
	Views     *Views
	Process   *Process // only of a process that runs orders, inventory and payments

	HealthApart    bool             // health and metrics are served by [API.Internal] only
	Health         []Check          // what /readyz asks; none must fail
	PaymentMethods []string         // the payment methods an order may name
	CursorKey      []byte           // signs list cursors, the same in all replicas; required with Views
	Logger         *slog.Logger     // nil: slog.Default()
	Clock          func() time.Time // time of commands; nil: time.Now
	Version        string           // of the program, for /metrics
}

// Service is what the commands of one service need.
type Service struct {
	Commands *command.Handler
	Log      eventstore.Reader
	Receipts Receipts
}

// Receipts finds the answers to earlier requests with an idempotency key.
type Receipts interface {
	Receipt(ctx context.Context, scope, key string) (eventstore.Receipt, bool, error)
}

// Orders is what the orders service needs: its own log, and the local copies that orders are priced and checked with.
// Those run a little behind the services they copy.
type Orders struct {
	Service
	Products  ProductCopies
	Customers CustomerCopies

	// CatchUp returns nil once both have everything that was stored when it was called, and an error if that is not known
	// before ctx ends.
	CatchUp func(ctx context.Context) error
}

// ProductCopies finds products. Those that are not known are left out of the answer.
type ProductCopies interface {
	GetMany(ctx context.Context, skus []product.SKU) (map[product.SKU]productview.Product, error)
}

// CustomerCopies finds a customer, or fails with *projections.NotFoundError.
type CustomerCopies interface {
	Get(ctx context.Context, id customer.ID) (customerview.Customer, error)
}

// Payments is what the payments service needs. It has no commands of its own: orders make its payments.
type Payments struct {
	Log eventstore.Reader
}

// Views is what queries need. Every Get fails with *projections.NotFoundError for what is not there.
type Views struct {
	Orders interface {
		Get(ctx context.Context, id order.ID) (orderview.Order, error)
		List(ctx context.Context, f orderview.Filter, limit int, after *orderview.Cursor) (orderview.Page, error)
	}
	Stock interface {
		Get(ctx context.Context, sku stock.SKU) (stocklevels.Level, error)
	}
	Products interface {
		Get(ctx context.Context, sku product.SKU) (productview.Product, error)   // may be a little older than the read model
		Fresh(ctx context.Context, sku product.SKU) (productview.Product, error) // may not
		List(ctx context.Context, f productview.Filter, limit int, after product.SKU) (productview.Page, error)
	}
	Customers interface {
		Get(ctx context.Context, id customer.ID) (customerview.Customer, error)
	}

	CustomerOrders interface {
		Get(ctx context.Context, customer string, limit int) (customerorders.Customer, error)
	}
	Sales interface {
		Days(ctx context.Context, f salesdaily.Filter, limit int, after *salesdaily.Cursor) (salesdaily.Page, error)
	}

	// Wait returns when a read model has applied the logs of the services up to the positions, or when ctx ends, with its
	// error. It must pass over services whose events the model does not fold.
	Wait func(ctx context.Context, model string, positions map[string]eventstore.Position) error

	// Position is how far a read model may have come when this is called: nothing that was read from it before is of a later
	// position of the log it folds.
	Position func(ctx context.Context, model string) (eventstore.Position, error)

	// Parked tells whether events of a key, or of any key if that is empty, wait as dead letters and are not in the model.
	Parked func(ctx context.Context, model, key string) (bool, error)
}

// Check is one part of /readyz. It must return soon after ctx ends. Its error is shown to whoever asks, so it must hold no
// secrets.
type Check struct {
	Name  string
	Check func(ctx context.Context) error
	Warns bool // an error means that something is late, not that requests cannot be served: shown, and still ready
}

func (c *Config) validate() error {
	for name, s := range map[string]*Service{inventoryService: c.Inventory, catalogService: c.Catalog, customersService: c.Customers} {
		if s != nil {
			if err := s.validate(); err != nil {
				return fmt.Errorf("httpapi: %s: %w", name, err)
			}
		}
	}
	if c.Orders != nil {
		if err := c.Orders.validate(); err != nil {
			return fmt.Errorf("httpapi: orders: %w", err)
		}
		if c.Orders.Products == nil || c.Orders.Customers == nil || c.Orders.CatchUp == nil || len(c.PaymentMethods) == 0 {
			return errors.New("httpapi: orders need products, customers and payment methods")
		}
	}
	if c.Payments != nil && c.Payments.Log == nil {
		return errors.New("httpapi: payments need a log")
	}
	if c.Process != nil {
		if err := c.Process.validate(); err != nil {
			return err
		}
	}
	if v := c.Views; v != nil {
		if v.Orders == nil || v.Stock == nil || v.Products == nil || v.Customers == nil || v.CustomerOrders == nil || v.Sales == nil ||
			v.Wait == nil || v.Position == nil || v.Parked == nil {
			return errors.New("httpapi: views need all read models and a way to wait for them")
		}
		if len(c.CursorKey) < MinCursorKeyLength {
			return fmt.Errorf("httpapi: the cursor key needs %d bytes, not %d", MinCursorKeyLength, len(c.CursorKey))
		}
	}
	return nil
}

func (s *Service) validate() error {
	if s.Commands == nil || s.Log == nil || s.Receipts == nil {
		return errors.New("a service needs commands, a log and receipts")
	}
	return nil
}
