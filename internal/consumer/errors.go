package consumer

import (
	"errors"
	"fmt"

	"github.com/ordo-platform/ordo/eventstore"
)

// HoleError says that events are missing between what a consumer has applied and what the topic has next, and that the log
// of the service does not have them either, or is not there to be asked. Its partition stands still: to go on would lose
// them.
type HoleError struct {
	Topic     string
	Partition int32
	Offset    int64
	Last      eventstore.Position // last event applied, 0 for none
	Prev      eventstore.Position // the event that should have been the last
	Position  eventstore.Position // the event that cannot be applied

	event eventstore.Recorded
}

func (e *HoleError) Error() string {
	return fmt.Sprintf("record %s/%d@%d: hole: event %d follows %d, but the last one applied is %d",
		e.Topic, e.Partition, e.Offset, e.Position, e.Prev, e.Last)
}

// Reasons to leave the group and start again from what the database says.
var (
	errZombie     = errors.New("another member has moved the checkpoint")
	errUnknown    = errors.New("outcome of a commit is unknown")
	errOtherTopic = errors.New("records of a topic that was made anew")
)
