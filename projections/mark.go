package projections

import "github.com/ordo-platform/ordo/eventstore"

// Mark says how far a row has come that is fed by one stream. Every row carries it, so that a check that knows nothing of
// the fold can compare the row with the log: Applied is how many events the log has of the stream up to Position, and the
// last of them has Version.
type Mark struct {
	Version  eventstore.Version  `json:"version"`
	Position eventstore.Position `json:"position"` // of the last event applied
	Applied  int64               `json:"applied"`  // counted, not derived from Version: a fold that skips shows
}

// Next is the mark after e. It fails with *[OutOfOrderError] unless e is the very next event of the stream.
func (m Mark) Next(e Event) (Mark, error) {
	if e.Version != m.Version+1 || e.Position <= m.Position {
		return m, &OutOfOrderError{Version: e.Version, Position: e.Position, After: m}
	}
	return Mark{Version: e.Version, Position: e.Position, Applied: m.Applied + 1}, nil
}
