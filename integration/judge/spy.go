package judge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
)

// spy watches while the processes work: what it looks for cannot be seen afterwards.
type spy struct {
	mu    sync.Mutex
	wrong map[string]bool
	looks int
}

// Watch starts the spy. It stops with the test.
func (w *World) Watch() {
	w.T.Helper()
	w.spy = &spy{wrong: map[string]bool{}}
	conns := map[string]*pgx.Conn{}
	for _, service := range Services {
		conns[service] = w.Connect(service)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.T.Context()))
	done := make(chan struct{})
	w.T.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		heads := map[string]int64{}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			err := w.spy.look(ctx, conns, kadm.NewClient(w.Client), heads)
			if err != nil && ctx.Err() == nil {
				w.spy.note("the spy is blind: " + err.Error())
				break
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
		for _, conn := range conns {
			_ = conn.Close(context.Background())
		}
	}()
}

func (s *spy) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong[what] = true
}

// Looks is how often the spy has looked so far.
func (w *World) Looks() int { return w.spy.count() }

// Findings is what the spy has seen so far, nothing if there is none.
func (w *World) Findings() []string {
	if w.spy == nil {
		return nil
	}
	return w.spy.findings()
}

func (s *spy) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

func (s *spy) findings() (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looks < 3 {
		wrong = append(wrong, fmt.Sprintf("void: the spy has looked %d times", s.looks))
	}
	for what := range s.wrong {
		wrong = append(wrong, what)
	}
	return wrong
}

func (s *spy) look(ctx context.Context, conns map[string]*pgx.Conn, admin *kadm.Client, heads map[string]int64) error {
	for _, service := range Publishers {
		if err := s.lookAtLog(ctx, conns[service], service, heads); err != nil {
			return err
		}
	}
	var places []offset
	for _, service := range Services {
		rows, _ := conns[service].Query(ctx, "SELECT consumer, topic, partition, next_offset FROM checkpoints")
		some, err := pgx.CollectRows(rows, pgx.RowToStructByPos[offset])
		if err != nil {
			return err
		}
		places = append(places, some...)
	}
	// Read after the checkpoints, and it never falls: no consumer can be beyond it by right.
	stable, err := admin.ListCommittedOffsets(ctx, "orders.events", "inventory.events", "payments.events", "catalog.events", "customers.events")
	if err != nil {
		return err
	}
	for _, p := range places {
		if end, ok := stable.Lookup(p.Topic, p.Partition); ok && p.Next > end.Offset {
			s.note(fmt.Sprintf("I18 %s has applied records of %s/%d that are not committed", p.Consumer, p.Topic, p.Partition))
		}
	}
	s.mu.Lock()
	s.looks++
	s.mu.Unlock()
	return nil
}

type offset struct {
	Consumer, Topic string
	Partition       int32
	Next            int64
}

// lookAtLog: positions become visible in their order (I4).
func (s *spy) lookAtLog(ctx context.Context, conn *pgx.Conn, service string, heads map[string]int64) error {
	rows, _ := conn.Query(ctx, "SELECT position FROM events WHERE position > $1 ORDER BY position", heads[service])
	news, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, position := range news {
		if position != heads[service]+1 {
			s.note(fmt.Sprintf("I4 %s: position %d was seen right after %d", service, position, heads[service]))
		}
		heads[service] = position
	}
	return nil
}
