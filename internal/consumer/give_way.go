package consumer

import (
	"context"
	"time"
)

const (
	// busy is from how many events in two rounds on there are more to come. One round does not tell: what the client has fetched
	// during a rest are the first events after the poll before.
	busy = 16

	// restFactor is how many times as long as its last round a consumer that gives way rests, at most for maxRest.
	restFactor = 4
	maxRest    = 500 * time.Millisecond
)

// rest is how long a consumer leaves database and processor to others after a round that took so long. Among few events it does
// not: somebody may be waiting to see the next one. Nor does it after as many as a poll takes: that is a backlog, to be worked off.
func (c *Config) rest(before, events int, took time.Duration) time.Duration {
	if !c.GiveWay || before+events < busy || events >= c.MaxPoll {
		return 0
	}
	return min(restFactor*took, maxRest)
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
