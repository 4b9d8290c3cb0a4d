package eventstore

import "time"

// Unseen is what a reader of a log has yet to see.
type Unseen struct {
	Head   Position  `json:"head"`            // of the log
	Events int64     `json:"events"`          // not seen
	First  Position  `json:"first"`           // of the oldest of them, 0 for none
	Oldest time.Time `json:"oldest,omitzero"` // when that was stored
}
