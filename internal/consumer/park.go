package consumer

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/failpoint"
	"github.com/ordo-platform/ordo/internal/kafka"
)

var (
	//go:embed sql/load_parked_keys.sql
	loadParkedKeysSQL string
	//go:embed sql/insert_parked_key.sql
	insertParkedKeySQL string
	//go:embed sql/insert_parked_event.sql
	insertParkedEventSQL string
	//go:embed sql/insert_gap.sql
	insertGapSQL string
)

// What is kept of a record that is no event. It may be anything; ours are smaller.
const (
	maxKeptValue   = eventstore.MaxEventBytes
	maxKeptKey     = 1 << 10
	maxKeptHeaders = 64 << 10
)

const classFollows = "follows"

// letter is a dead letter before it is stored.
type letter struct {
	item
	follows eventstore.Position // the event it waits behind, 0 if it failed itself
}

func (l letter) key() string {
	if l.junk != nil {
		return ""
	}
	return l.event.Stream.Key()
}

// opens tells whether the key is parked from this event on.
func (l letter) opens() bool { return l.junk == nil && l.follows == 0 }

// sort tells events to apply from those to set aside: records that are no events, an event that failed, and whatever comes
// after it under the same key.
func (p *partition) sort(items []item) (live []eventstore.Recorded, letters []letter) {
	live = make([]eventstore.Recorded, 0, len(items))
	opened := map[string]eventstore.Position{}
	for _, it := range items {
		switch {
		case it.passed:
			continue
		case it.junk != nil:
			letters = append(letters, letter{item: it})
			continue
		case it.cause != nil:
			letters = append(letters, letter{item: it})
			opened[it.event.Stream.Key()] = it.event.Position
			continue
		case len(p.parked) == 0 && len(opened) == 0:
			live = append(live, it.event)
			continue
		}
		key := it.event.Stream.Key()
		first, waits := p.parked[key]
		if !waits {
			first, waits = opened[key]
		}
		if waits && !failpoint.Is(failpoint.ParkWithoutFollowers) {
			letters = append(letters, letter{item: it, follows: first})
		} else {
			live = append(live, it.event)
		}
	}
	return live, letters
}

// park stores dead letters.
func park(ctx context.Context, tx pgx.Tx, consumer string, p *partition, letters []letter) error {
	if len(letters) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for _, l := range letters {
		if l.opens() {
			batch.Queue(insertParkedKeySQL, pgx.StrictNamedArgs{
				"consumer": consumer, "topic": p.topic, "partition": p.number, "key": l.key(), "position": l.event.Position,
			})
		}
		args, err := l.row(consumer, p)
		if err != nil {
			return err
		}
		batch.Queue(insertParkedEventSQL, args)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("park %d events: %w", len(letters), err)
	}
	return nil
}

func (l letter) row(consumer string, p *partition) (pgx.StrictNamedArgs, error) {
	record, truncated := l.junk, false
	if record == nil {
		service, _ := kafka.ServiceOf(p.topic)
		record = kafka.Record(service, l.event) // the very record it came as, if it came on the topic
	} else {
		record, truncated = capped(record)
	}
	headers, err := json.Marshal(headersOf(record))
	if err != nil {
		return nil, err
	}
	args := pgx.StrictNamedArgs{
		"consumer": consumer, "topic": p.topic, "partition": p.number, "key": l.key(), "position": nil, "follows": nil,
		"record_offset": nil, "event_id": nil, "type": l.event.Type, "attempts": 0, "truncated": truncated,
		"record_time": record.Timestamp, "first_failed_at": nil, "last_failed_at": nil,
		"class": classFollows, "fingerprint": "", "error": "",
		"record_key": notNil(record.Key), "record_value": notNil(record.Value), "record_headers": headers,
	}
	if l.offset >= 0 {
		args["record_offset"] = l.offset
	}
	if l.junk == nil {
		args["position"], args["event_id"] = l.event.Position, l.event.ID
	}
	if l.follows > 0 {
		args["follows"] = l.follows
	}
	if c := l.cause; c != nil {
		args["class"], args["fingerprint"], args["error"] = c.class, c.fingerprint, c.message
		args["attempts"], args["first_failed_at"], args["last_failed_at"] = c.attempts, c.first, c.last
	}
	return args, nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// header is a record header as it is stored.
type header struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

func headersOf(r *kgo.Record) []header {
	headers := make([]header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = header{printableKey(h.Key), h.Value}
	}
	return headers
}

// printableKey makes text of the key of a header, which need not be any in a stranger's record.
func printableKey(key string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(key, "\uFFFD"), "\x00", "\uFFFD")
}

// capped is a copy of a record of bounded size.
func capped(r *kgo.Record) (kept *kgo.Record, truncated bool) {
	kept = &kgo.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value}
	if len(r.Key) > maxKeptKey {
		kept.Key, truncated = r.Key[:maxKeptKey], true
	}
	if len(r.Value) > maxKeptValue {
		kept.Value, truncated = r.Value[:maxKeptValue], true
	}
	size := 0
	for _, h := range r.Headers {
		if size += len(h.Key) + len(h.Value); size > maxKeptHeaders {
			truncated = true
			break
		}
		kept.Headers = append(kept.Headers, h)
	}
	return kept, truncated
}

func recordGap(ctx context.Context, tx pgx.Tx, consumer string, p *partition, b *batch) error {
	_, err := tx.Exec(ctx, insertGapSQL, pgx.StrictNamedArgs{
		"consumer": consumer, "topic": p.topic, "partition": p.number,
		"after": b.base.position, "last": b.end.position, "events": len(b.items),
	})
	if err != nil {
		return fmt.Errorf("record the refill: %w", err)
	}
	return nil
}

// Parked tells whether events of a key wait as dead letters of a consumer, or of any key if that is empty.
func Parked(ctx context.Context, pool *pgxpool.Pool, consumer, key string) (parked bool, err error) {
	err = pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM parked_keys WHERE consumer = $1 AND ($2 = '' OR key = $2))", consumer, key).Scan(&parked)
	if err != nil {
		return false, fmt.Errorf("parked keys of %s: %w", consumer, err)
	}
	return parked, nil
}

func loadParkedKeys(ctx context.Context, db Querier, consumer, topic string) (map[int32]map[string]eventstore.Position, error) {
	parked := map[int32]map[string]eventstore.Position{}
	rows, err := db.Query(ctx, loadParkedKeysSQL, pgx.StrictNamedArgs{"consumer": consumer, "topic": topic})
	var partition int32
	var key string
	var position eventstore.Position
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&partition, &key, &position}, func() error {
			if parked[partition] == nil {
				parked[partition] = map[string]eventstore.Position{}
			}
			parked[partition][key] = position
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("load parked keys of %s in %s: %w", consumer, topic, err)
	}
	return parked, nil
}

// reportLetters raises the alarm for what has failed; what waits behind it makes no noise.
func (s *session) reportLetters(ctx context.Context, p *partition, letters []letter) {
	if len(letters) > 0 {
		select {
		case s.consumer.letters <- struct{}{}:
		default:
		}
	}
	for _, l := range letters {
		if l.cause == nil {
			continue
		}
		args := []any{"topic", p.topic, "partition", p.number, "offset", l.offset, "class", l.cause.class, "error", l.cause.message}
		if l.junk == nil {
			args = append(args, "key", l.key(), "position", l.event.Position, "type", l.event.Type)
		}
		s.consumer.cfg.Logger.ErrorContext(ctx, "parked as dead letter", args...)
	}
}
