package archtest

const module = "github.com/ordo-platform/ordo"

// Libraries that only adapters may know.
const (
	pgx = "github.com/jackc/..."         // PostgreSQL
	kgo = "github.com/twmb/franz-go/..." // Kafka: the client, and the broker that franz-go brings for development
)

// rule says what some packages may import. Patterns are as in `go list`: "x/..." is x and everything below it. Our own
// packages are named from the root of the module.
type rule struct {
	packages []string // whom the rule is for
	except   []string // less these

	ours          []string // of our packages, these may be imported directly; nil = any
	never         []string // not even through another package
	neverDirectly []string // an import of an import is fine: libraries have their own needs
}

// none is a rule.ours that allows no package of ours.
var none = []string{}

// rules is the table. Packages without a rule (the roots of composition internal/app and cmd, and internal packages that
// adapt nothing) may import anything.
var rules = []rule{
	{
		packages:      []string{"./aggregates"},
		ours:          none,
		never:         []string{pgx, kgo, "net/http"},
		neverDirectly: impure,
	},
	{
		packages:      []string{"./aggregates/..."},
		except:        []string{"./aggregates"},
		ours:          []string{"./aggregates"},
		never:         []string{pgx, kgo, "net/http"},
		neverDirectly: impure,
	},
	{
		packages: []string{"./eventstore"},
		ours:     none,
		never:    []string{pgx, kgo},
	},
	{
		packages: []string{"./eventstore/postgres"},
		ours:     []string{"./eventstore", "./internal/failpoint"},
		never:    []string{"./eventstore/relay", "./aggregates/...", "./schemas/...", kgo},
	},
	{
		// The relay writes records, so it knows how a recorded event looks on Kafka.
		packages: []string{"./eventstore/relay"},
		ours:     []string{"./eventstore", "./internal/kafka", "./internal/failpoint"},
		never:    []string{"./eventstore/postgres", "./aggregates/...", "./schemas/...", pgx},
	},
	{
		packages: []string{"./schemas/..."},
		ours:     []string{"./aggregates/...", "./eventstore", "./schemas/..."},
		never:    []string{pgx, kgo},
	},
	{
		packages: []string{"./sagas"},
		ours:     []string{"./aggregates/...", "./eventstore", "./schemas"},
		never:    []string{pgx, kgo, "./internal/..."},
	},
	{
		packages: []string{"./sagas/..."},
		except:   []string{"./sagas"},
		ours:     []string{"./aggregates/...", "./eventstore", "./schemas", "./sagas"},
		never:    []string{pgx, kgo, "./internal/..."},
	},
	{
		packages: []string{"./projections"},
		ours:     []string{"./aggregates/...", "./eventstore", "./schemas"},
		never:    []string{kgo, "./internal/..."},
	},
	{
		// One read model never needs another: what both need belongs to projections, or into the event.
		packages: []string{"./projections/..."},
		except:   []string{"./projections", "./projections/projectiontest"},
		ours:     []string{"./aggregates/...", "./eventstore", "./schemas", "./projections"},
		never:    []string{kgo, "./internal/..."},
	},
	{
		// It also executes reactions: whoever calls Decide is here, so what a reaction asks for must be known here.
		packages: []string{"./internal/command"},
		ours:     []string{"./aggregates/...", "./eventstore", "./schemas", "./sagas"},
		never:    []string{pgx, kgo, "net/http"},
	},
	{
		// Whoever rebuilds a read model cannot reach the payment provider, or decide anything: a replay has no effects but rows.
		packages: []string{"./internal/replay", "./internal/generations", "./internal/readmodels"},
		never:    []string{"./internal/psp/...", "./internal/payments/...", "./internal/command", "./sagas/...", "net/http"},
	},
	{
		packages: []string{"./internal/httpapi"},
		never:    []string{"./internal/kafka", kgo},
	},
	{
		packages: []string{"./internal/kafka"},
		never:    []string{"./internal/httpapi", "net/http"},
	},
}

// impure is what decisions must not depend on: the same history and command must give the same events for ever.
var impure = []string{"context", "net/...", "os/...", "log/...", "math/rand/...", "crypto/rand", "syscall", "unsafe"}
