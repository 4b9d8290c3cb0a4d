package relay

import (
	"fmt"

	"github.com/ordo-platform/ordo/eventstore"
)

// HistoryError says that the topics hold a history that is not the log's: the database was restored from an old backup, or
// the topics belong to another database. The relay has stopped, because going on would publish a second history beside the
// first. Restore the database to where it was, or give the service fresh topics.
type HistoryError struct {
	Service   string
	Published eventstore.Position // what the topics hold, as far as it is known
	Head      eventstore.Position // last event of the log
	Reason    string
}

func (e *HistoryError) Error() string {
	return fmt.Sprintf("relay %s: the log (head %d) is not the one that was published (up to %d): %s", e.Service, e.Head, e.Published, e.Reason)
}
