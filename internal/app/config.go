package app

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// The services. Each has its own database; all but Views have an event log and a topic in front of it.
const (
	Orders    = fulfilment.Orders
	Inventory = fulfilment.Inventory
	Payments  = fulfilment.Payments
	Catalog   = "catalog"
	Customers = "customers"
	Views     = "views"
)

// Services returns the names of all services.
func Services() []string {
	return append(publishers(), Views)
}

// publishers are the services that have a log and publish it.
func publishers() []string {
	return slices.Clone([]string{Orders, Inventory, Payments, Catalog, Customers})
}

// Config says where a platform finds its parts. All fields are required unless they say otherwise.
type Config struct {
	Databases       map[string]string // connection URL by service, of the role it runs under
	Owners          map[string]string // the same database for the role that makes its tables; optional: the one it runs under
	Brokers         []string          // Kafka bootstrap addresses
	PaymentProvider string            // base URL
	Listener        net.Listener      // where to serve the API
	Logger          *slog.Logger

	// LogListener is where other processes may read the logs of this one's services. Health and metrics are served there too.
	// It knows no access rules, so strangers must not reach it. Nil: nowhere.
	LogListener net.Listener

	// HealthApart keeps health and metrics off Listener.
	HealthApart bool

	// Services are those that this process runs. None: all.
	Services []string

	// Prepared says that [Migrate] has made tables and topics: New only checks them, as the role the service runs under, and
	// fails on what differs.
	Prepared bool

	// Replication is the number of copies of each partition of the topics. 0: one.
	Replication int16

	// DrainDelay is for how long this process says that it is not ready before it stops taking requests, so that whoever
	// shares them out has noticed. 0: not at all.
	DrainDelay time.Duration

	// CursorKey signs list cursors. Replicas of views need the same one. None: made up, and cursors end with the process.
	CursorKey []byte

	// Logs says where the logs of services that other processes run can be read: base address by service.
	Logs map[string]string

	// DisposableBroker says that the broker forgets everything when it stops. The relay then refills it with what some
	// consumer still needs, and at least with the newest events.
	DisposableBroker bool

	// Holder names this process where only one may act (the relay's lease). Empty makes up a name nobody else has. A name that
	// is given must be that of no other living process: whoever held it before is taken for dead, and nothing is waited for.
	Holder string

	// UnsafeDurability accepts a database that loses acknowledged events in a crash, for throw-away runs.
	UnsafeDurability bool

	// ProductTTL is how long a product may be answered with, and ordered at, as it was read before, if no event says that it
	// has changed. 0: productview.DefaultTTL.
	ProductTTL time.Duration

	Deadlines      fulfilment.Within // where orders wait for other than the usual time; for demonstrations and tests
	PaymentTimeout time.Duration     // of one call to the payment provider; 0: psp.DefaultTimeout
}

// services are those that this process runs.
func (c Config) services() []string {
	if len(c.Services) == 0 {
		return Services()
	}
	return c.Services
}

// holder names this process in leases.
func (c Config) holder() string {
	if c.Holder != "" {
		return c.Holder
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()[:8])
}
