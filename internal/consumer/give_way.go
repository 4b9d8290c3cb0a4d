package consumer

import "time"

// rest is how long a consumer leaves database and processor to others after a round that took so long: what a batch costs, it costs
// for one event or a hundred. Among few events it does not rest: somebody may be waiting to see the next one. Nor does it after as
// many as a poll takes: that is a backlog, to be worked off.
//
// How many there are, one round does not tell: what the client fetches during a rest are the first events after the poll before.
func (c *Config) rest(before, events int, took time.Duration) time.Duration {
	two := before + events
	switch {
	case events >= c.MaxPoll:
		return 0
	case c.GiveWay && two >= 4:
		return min(4*took, 500*time.Millisecond)
	case !c.GiveWay && two >= 32:
		return min(took, 40*time.Millisecond)
	}
	return 0
}
