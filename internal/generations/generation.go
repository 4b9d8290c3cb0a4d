package generations

import (
	"fmt"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

// State is how far a generation has come.
type State string

// The states, in the order they are usually gone through.
const (
	Building State = "building" // being filled from the event store
	CaughtUp State = "caught_up"
	Verified State = "verified" // compared with the live one at the same positions
	Live     State = "live"     // queries go here
	Retired  State = "retired"  // was live, and is kept to go back to
	Failed   State = "failed"   // must not become live
)

// Generation is one set of tables of a read model.
type Generation struct {
	Model       string
	Number      int
	FoldVersion int
	State       State
	Fed         bool // programs with its fold follow the topic with it
	Dropped     bool // its tables are gone
	Shape       int  // newest migration its tables have had

	Until    *eventstore.Position // set: a view of the past, which never becomes live
	BuiltTo  eventstore.Position
	Events   int64
	Rows     int64
	Checksum string
	Reason   string // why it failed, or what was found and accepted

	CreatedAt  time.Time
	CaughtUpAt *time.Time
	VerifiedAt *time.Time
	LiveAt     *time.Time
	RetiredAt  *time.Time
	FedAt      *time.Time // when a program last said that it feeds it
}

// Schema is the Postgres schema with the generation's tables.
func (g Generation) Schema() string { return fmt.Sprintf("%s_g%d", g.Model, g.Number) }

// Consumer is the consumer that feeds the generation: its group and the key of its checkpoints. first is that of the
// model's first generation, which came before there were others.
func (g Generation) Consumer(first string) string {
	if g.Number == 1 {
		return first
	}
	return fmt.Sprintf("%s.g%d", first, g.Number)
}
