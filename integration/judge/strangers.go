package judge

import (
	"bytes"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Stranger tells the judge of a record that the test itself has put on a topic: a copy of an event, which readers have to pass
// over, or none of ours, which each of them has to set aside with its bytes.
func (w *World) Stranger(r *kgo.Record, isCopy bool) {
	if w.strangers == nil {
		w.strangers = map[spot]stranger{}
	}
	w.strangers[spot{r.Topic, r.Partition, r.Offset}] = stranger{isCopy, r.Value}
}

type spot struct {
	Topic     string
	Partition int32
	Offset    int64
}

type stranger struct {
	isCopy bool
	value  []byte
}

// keptBytes is how much of a record readers keep at least.
const keptBytes = 256 << 10

// Ours is what read-committed readers see of a topic, without the records of the test.
func (w *World) Ours(topic string) map[int32][]*kgo.Record {
	w.T.Helper()
	read := w.Read(topic)
	for partition, records := range read {
		kept := records[:0]
		for _, r := range records {
			if _, strange := w.strangers[spot{topic, partition, r.Offset}]; !strange {
				kept = append(kept, r)
			}
		}
		read[partition] = kept
	}
	return read
}

// judgeStrangers: each reader has set aside each record that is none of ours, once, with its bytes, and nothing else on a topic but
// events (I16).
func (w *World) judgeStrangers() (wrong []string) {
	w.T.Helper()
	type row struct {
		Consumer, Topic string
		Partition       int32
		Offset          int64
		Value           []byte
	}
	aside := map[string]map[spot]int{}
	for _, service := range Services {
		for _, r := range Query[row](w, service, `SELECT consumer, topic, partition, record_offset, record_value FROM parked_events WHERE position IS NULL`) {
			at := spot{r.Topic, r.Partition, r.Offset}
			s, known := w.strangers[at]
			switch {
			case !known || s.isCopy:
				wrong = append(wrong, fmt.Sprintf("I16 %s has set aside %v, which is an event", r.Consumer, at))
			case !bytes.Equal(r.Value, s.value[:min(len(s.value), keptBytes)]):
				wrong = append(wrong, fmt.Sprintf("I16 %s has set aside %v with other bytes", r.Consumer, at))
			}
			if aside[r.Consumer] == nil {
				aside[r.Consumer] = map[spot]int{}
			}
			aside[r.Consumer][at]++
		}
	}
	for consumer, sources := range readers {
		for _, source := range sources {
			for at, s := range w.strangers {
				if n := aside[consumer][at]; at.Topic == source+".events" && !s.isCopy && n != 1 {
					wrong = append(wrong, fmt.Sprintf("I16 %s has set aside %v %d times", consumer, at, n))
				}
			}
		}
	}
	return wrong
}

// judgeCounts: what a reader says it has applied is as many events as there are up to where it is, without those it has set aside (I16).
func (w *World) judgeCounts(logs map[string][]event) (wrong []string) {
	w.T.Helper()
	type counted struct {
		place
		Applied, Parked int64
	}
	for _, service := range Services {
		for _, c := range Query[counted](w, service, `SELECT consumer, topic, partition, position, applied, (SELECT count(*) FROM parked_events e
				WHERE e.consumer = c.consumer AND e.topic = c.topic AND e.partition = c.partition AND e.position IS NOT NULL) FROM checkpoints c`) {
			var events int64
			for source, log := range logs {
				for _, e := range log {
					if source+".events" == c.Topic && e.Partition == c.Partition && e.Position <= c.Position {
						events++
					}
				}
			}
			if c.Applied+c.Parked != events {
				wrong = append(wrong, fmt.Sprintf("I16 %s has applied %d and set aside %d of %d events of %s/%d", c.Consumer, c.Applied, c.Parked, events, c.Topic, c.Partition))
			}
		}
	}
	return wrong
}
