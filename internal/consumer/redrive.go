package consumer

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

var (
	//go:embed sql/requested_keys.sql
	requestedKeysSQL string
	//go:embed sql/waiting_events.sql
	waitingEventsSQL string
	//go:embed sql/resolve_events.sql
	resolveEventsSQL string
	//go:embed sql/release_key.sql
	releaseKeySQL string
	//go:embed sql/park_again.sql
	parkAgainSQL string
	//go:embed sql/next_in_line.sql
	nextInLineSQL string
)

const (
	lookEvery    = 500 * time.Millisecond // for wishes about parked keys, while there are some
	wishesAtOnce = 50                     // keys per look
	redriveBatch = 100                    // events of one key per transaction

	// DefaultRedriveRate is in events per second and partition.
	DefaultRedriveRate = 100
)

// Requests an operator can make about a parked key.
const (
	requestRedrive    = "redrive"
	requestDiscard    = "discard"     // the event that failed; what waits behind it goes on waiting
	requestDiscardAll = "discard_all" // and what waits behind it
)

// wish is what an operator wants done with a parked key.
type wish struct {
	key, request, reason string
	rate                 int
}

// waiting is an event that waits under a parked key.
type waiting struct {
	id    int64
	event eventstore.Recorded
}

// fulfil does what operators want with the parked keys of a partition. It happens here, between the batches of the partition
// and in its transactions, so that order with the live events of a key holds. The error is a reason to leave the group.
func (s *session) fulfil(ctx context.Context, p *partition) error {
	if len(p.parked) == 0 || time.Now().Before(p.lookAt) || p.stopped {
		return nil
	}
	p.lookAt = time.Now().Add(lookEvery)
	wishes, err := s.wishes(ctx, p)
	for _, w := range wishes {
		if err != nil || ctx.Err() != nil {
			break
		}
		var events int
		if w.request == requestRedrive {
			events, err = s.redrive(ctx, p, w)
		} else {
			err = s.discard(ctx, p, w)
		}
		if events > 0 { // the rate: nothing more is redriven until these have had their time
			rate := w.rate
			if rate <= 0 {
				rate = DefaultRedriveRate
			}
			p.lookAt = time.Now().Add(time.Duration(events) * time.Second / time.Duration(rate))
			break
		}
	}
	switch {
	case errors.Is(err, errZombie), errors.Is(err, errUnknown):
		return err
	case err != nil: // the database's fault; the wish is still there
		p.lookAt = time.Now().Add(s.consumer.cfg.MaxBackoff)
		s.consumer.cfg.Logger.WarnContext(ctx, "dead letters have to wait", "topic", p.topic, "partition", p.number, "error", err)
	}
	return nil
}

func (s *session) wishes(ctx context.Context, p *partition) ([]wish, error) {
	args := s.args(p)
	args["limit"] = wishesAtOnce
	rows, err := s.consumer.cfg.Pool.Query(ctx, requestedKeysSQL, args)
	if err != nil {
		return nil, fmt.Errorf("look for wishes: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w wish, err error) {
		err = row.Scan(&w.key, &w.request, &w.reason, &w.rate)
		return w, err
	})
}

func (s *session) args(p *partition) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"consumer": s.consumer.cfg.Name, "topic": p.topic, "partition": p.number}
}

// redrive applies the events that wait under a key, oldest first, as far as they can be applied now. It returns how many were
// tried.
func (s *session) redrive(ctx context.Context, p *partition, w wish) (tried int, err error) {
	events, err := s.waiting(ctx, p, w.key, redriveBatch)
	if err != nil {
		return 0, err
	}
	for size := len(events); ; size = max(1, size/2) {
		err = s.redriveSome(ctx, p, w, events[:size])
		switch {
		case err == nil:
			return size, nil
		case errors.Is(err, errZombie), errors.Is(err, errUnknown), ctx.Err() != nil:
			return 0, err
		case isContention(err):
			return 0, err
		}
		verdict := s.consumer.cfg.judge(err)
		if verdict.Action == Pause || len(events) == 0 {
			return 0, err
		}
		if size == 1 {
			return 1, s.parkAgain(ctx, p, w, events[0], verdict, err)
		}
	}
}

func (s *session) redriveSome(ctx context.Context, p *partition, w wish, some []waiting) error {
	ids := make([]int64, len(some))
	events := make([]eventstore.Recorded, len(some))
	for i, e := range some {
		ids[i], events[i] = e.id, e.event
	}
	released := false
	err := s.transact(ctx, []move{{p: p, to: p.saved}}, func(ctx context.Context, tx pgx.Tx) error {
		if len(events) > 0 {
			if err := handle(ctx, s.consumer.cfg.Handler, tx, events); err != nil {
				return err
			}
		}
		var err error
		released, err = s.resolve(ctx, tx, p, w, "applied", ids)
		return err
	})
	if err != nil {
		return err
	}
	if released {
		delete(p.parked, w.key)
	}
	s.consumer.status.redriven(p, len(events))
	s.consumer.cfg.Logger.InfoContext(ctx, "dead letters redriven", "topic", p.topic, "partition", p.number, "key", w.key,
		"events", len(events), "reason", w.reason)
	return nil
}

// resolve marks dead letters as done with, and forgets their key when nothing waits under it any more.
func (s *session) resolve(ctx context.Context, tx pgx.Tx, p *partition, w wish, status string, ids []int64) (released bool, err error) {
	if _, err := tx.Exec(ctx, resolveEventsSQL, pgx.StrictNamedArgs{"ids": ids, "status": status, "reason": w.reason}); err != nil {
		return false, fmt.Errorf("resolve dead letters: %w", err)
	}
	args := s.args(p)
	args["key"] = w.key
	tag, err := tx.Exec(ctx, releaseKeySQL, args)
	if err != nil {
		return false, fmt.Errorf("release key: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// parkAgain leaves a key parked whose redrive has failed. The wish is done with: somebody has to look.
func (s *session) parkAgain(ctx context.Context, p *partition, w wish, e waiting, verdict Verdict, cause error) error {
	f := s.consumer.cfg.newFailure(verdict.Class, cause, e.event.Type, 1, noTime)
	args := s.args(p)
	args["key"], args["position"] = w.key, e.event.Position
	args["class"], args["fingerprint"], args["error"] = f.class, f.fingerprint, f.message
	err := s.transact(ctx, []move{{p: p, to: p.saved}}, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, parkAgainSQL, args)
		return err
	})
	if err != nil {
		return err
	}
	p.parked[w.key] = e.event.Position
	s.consumer.cfg.Logger.ErrorContext(ctx, "redrive failed", "topic", p.topic, "partition", p.number, "key", w.key,
		"position", e.event.Position, "class", f.class, "error", f.message)
	return nil
}

// discard gives up the event that failed, or all that waits under the key.
func (s *session) discard(ctx context.Context, p *partition, w wish) error {
	limit := 1
	if w.request == requestDiscardAll {
		limit = 1 << 30
	}
	events, err := s.waiting(ctx, p, w.key, limit)
	if err != nil {
		return err
	}
	ids := make([]int64, len(events))
	for i, e := range events {
		ids[i] = e.id
	}
	var next eventstore.Position
	released := false
	err = s.transact(ctx, []move{{p: p, to: p.saved}}, func(ctx context.Context, tx pgx.Tx) (err error) {
		if released, err = s.resolve(ctx, tx, p, w, "discarded", ids); err != nil || released {
			return err
		}
		args := s.args(p)
		args["key"] = w.key
		if _, err := tx.Exec(ctx, nextInLineSQL, args); err != nil {
			return fmt.Errorf("next in line: %w", err)
		}
		return tx.QueryRow(ctx, `SELECT position FROM parked_keys
			WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key`, args).Scan(&next)
	})
	if err != nil {
		return err
	}
	if released {
		delete(p.parked, w.key)
	} else {
		p.parked[w.key] = next
	}
	s.consumer.cfg.Logger.WarnContext(ctx, "dead letters discarded", "topic", p.topic, "partition", p.number, "key", w.key,
		"events", len(ids), "reason", w.reason)
	return nil
}

// waiting reads the oldest events that wait under a key.
func (s *session) waiting(ctx context.Context, p *partition, key string, limit int) ([]waiting, error) {
	args := s.args(p)
	args["key"], args["limit"] = key, limit
	rows, err := s.consumer.cfg.Pool.Query(ctx, waitingEventsSQL, args)
	if err != nil {
		return nil, fmt.Errorf("read parked events: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w waiting, err error) {
		r := &kgo.Record{Topic: p.topic, Partition: p.number}
		var headers []byte
		if err := row.Scan(&w.id, &r.Offset, &r.Timestamp, &r.Key, &r.Value, &headers); err != nil {
			return w, err
		}
		if r.Headers, err = recordHeaders(headers); err != nil {
			return w, err
		}
		_, w.event, err = kafka.Parse(r)
		return w, err
	})
}

func recordHeaders(stored []byte) ([]kgo.RecordHeader, error) {
	var headers []header
	if err := json.Unmarshal(stored, &headers); err != nil {
		return nil, fmt.Errorf("headers of a dead letter: %w", err)
	}
	of := make([]kgo.RecordHeader, len(headers))
	for i, h := range headers {
		of[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
	}
	return of, nil
}
