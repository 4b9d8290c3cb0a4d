package judge

import (
	"fmt"
	"strings"
)

// UnknownType is a type of events that no program knows.
const UnknownType = "OrderTeleported"

type letter struct {
	Consumer, Topic, Key string
	Partition            int32
	Position             int64
}

// judgeLetters: what no program knows is passed by nobody (T23); and while an event of a key is set aside, so is every later one
// of it, each once (T17).
func (w *World) judgeLetters(logs map[string][]event) (wrong []string) {
	w.T.Helper()
	for _, service := range Services {
		first := map[letter]int64{} // by consumer, topic and key
		parked := map[letter]int{}
		for _, l := range Query[letter](w, service, `SELECT consumer, topic, key, partition, position FROM parked_events
				WHERE position IS NOT NULL AND status = 'parked' ORDER BY position`) {
			if parked[l]++; parked[l] > 1 {
				wrong = append(wrong, fmt.Sprintf("T17 %s: event %d is set aside %d times", l.Consumer, l.Position, parked[l]))
			}
			key := letter{Consumer: l.Consumer, Topic: l.Topic, Key: l.Key}
			if _, known := first[key]; !known {
				first[key] = l.Position
			}
		}
		for _, p := range Query[place](w, service, "SELECT consumer, topic, partition, position FROM checkpoints") {
			for _, e := range logs[strings.TrimSuffix(p.Topic, ".events")] {
				if e.Partition != p.Partition || e.Position > p.Position {
					continue
				}
				if e.Type == UnknownType {
					wrong = append(wrong, fmt.Sprintf("T23 %s is at %d of %s/%d, past event %d, which nobody knows", p.Consumer, p.Position, p.Topic, p.Partition, e.Position))
				}
				_, key, _ := strings.Cut(e.Stream, "-")
				from, waits := first[letter{Consumer: p.Consumer, Topic: p.Topic, Key: key}]
				if waits && e.Position > from && parked[letter{p.Consumer, p.Topic, key, p.Partition, e.Position}] == 0 {
					wrong = append(wrong, fmt.Sprintf("T17 %s: event %d is not set aside, although %d of its key is", p.Consumer, e.Position, from))
				}
			}
		}
	}
	return wrong
}
