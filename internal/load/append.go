package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

// AppendConfig says how to load a store. All fields are needed, but for Rate.
type AppendConfig struct {
	Writers         int // callers at the same time
	EventsPerAppend int // to one new stream
	Size            int // bytes of data of an event, at least MinSize
	Duration        time.Duration

	// Rate is how many appends a second begin, whether those before are done or not (open loop): latencies count from when an
	// append should have begun, so a stall is seen in all that it holds up. Zero: each writer begins the next append when the
	// one before is done (closed loop).
	Rate float64
}

// MinSize is the least data that an event of a load can have.
const MinSize = 16

// Measured is what a load came to. Latencies are in milliseconds.
type Measured struct {
	Events    int64   `json:"events"`
	Failed    int64   `json:"failed"` // appends; 0 in a store that keeps up
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"events_per_second"`
	P50       float64 `json:"p50_ms"`
	P90       float64 `json:"p90_ms"`
	P99       float64 `json:"p99_ms"`
	P999      float64 `json:"p999_ms"`
	Max       float64 `json:"max_ms"`
}

// appendFunc stores the events of one new stream.
type appendFunc func(ctx context.Context, stream eventstore.StreamID, events []eventstore.Event) error

// Append loads a store, whose writer must run.
func Append(ctx context.Context, store eventstore.Appender, cfg AppendConfig) (Measured, error) {
	return measure(ctx, cfg, func(ctx context.Context, stream eventstore.StreamID, events []eventstore.Event) error {
		_, err := store.Append(ctx, eventstore.Append{Streams: []eventstore.StreamAppend{
			{Stream: stream, Expected: eventstore.NoStream, Events: events},
		}})
		return err
	})
}

// PlainInsert loads a table as event tables are usually made, in the database of a store, and drops it: the same columns
// and indexes, positions from a sequence, a transaction with an INSERT for each append. It is what [Append] is compared with.
func PlainInsert(ctx context.Context, pool *pgxpool.Pool, cfg AppendConfig) (m Measured, err error) {
	const table = "ordo_load_plain_events"
	for _, sql := range []string{
		"DROP TABLE IF EXISTS " + table,
		"CREATE TABLE " + table + " (LIKE events INCLUDING INDEXES INCLUDING CONSTRAINTS)",
		"ALTER TABLE " + table + " ALTER position ADD GENERATED ALWAYS AS IDENTITY",
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			return Measured{}, fmt.Errorf("make the table to compare with: %w", err)
		}
	}
	defer func() {
		_, dropErr := pool.Exec(context.WithoutCancel(ctx), "DROP TABLE "+table)
		err = errors.Join(err, dropErr)
	}()
	return measure(ctx, cfg, func(ctx context.Context, stream eventstore.StreamID, events []eventstore.Event) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			for i, e := range events {
				_, err := tx.Exec(ctx, `INSERT INTO `+table+`
					(prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
					VALUES (0, clock_timestamp(), $1, $2, 1, 0, $3, $4, $5, $6)`,
					[16]byte(e.ID), i+1, string(stream), e.Type, e.Data, fmt.Sprintf(`{"correlation_id":%q,"actor":"load"}`, stream))
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// measure runs the writers of a load. A failed append ends it only if all fail from the start: under load, "busy" is an answer.
func measure(ctx context.Context, cfg AppendConfig, do appendFunc) (Measured, error) {
	data := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), cfg.Size-11)...), `"}`...)
	limited, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	turns := cfg.turns(limited)
	writers := make([]writer, cfg.Writers)
	var wait sync.WaitGroup
	began := time.Now()
	for i := range writers {
		w := &writers[i]
		w.latencies = hdrhistogram.New(1, time.Minute.Microseconds(), 3)
		wait.Go(func() { w.run(ctx, limited, turns, cfg, data, do) })
	}
	wait.Wait()
	elapsed := time.Since(began)
	if err := ctx.Err(); err != nil {
		return Measured{}, err
	}
	all := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	m := Measured{Seconds: elapsed.Seconds()}
	var first error
	for _, w := range writers {
		all.Merge(w.latencies)
		m.Failed += w.failed
		first = errors.Join(first, w.err)
	}
	m.Events = all.TotalCount() * int64(cfg.EventsPerAppend)
	if m.Events == 0 && first != nil {
		return Measured{}, first
	}
	m.PerSecond = float64(m.Events) / elapsed.Seconds()
	at := func(quantile float64) float64 { return float64(all.ValueAtQuantile(quantile)) / 1000 }
	m.P50, m.P90, m.P99, m.P999, m.Max = at(50), at(90), at(99), at(99.9), float64(all.Max())/1000
	return m, nil
}

// turns are the moments at which appends begin; nil in a closed loop.
func (cfg AppendConfig) turns(ctx context.Context) <-chan time.Time {
	if cfg.Rate == 0 {
		return nil
	}
	turns := make(chan time.Time)
	every := time.Duration(float64(time.Second) / cfg.Rate)
	go func() {
		defer close(turns)
		for next := time.Now(); ; next = next.Add(every) {
			if wait := time.Until(next); wait > 0 {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return
				}
			}
			select {
			case turns <- next:
			case <-ctx.Done():
				return
			}
		}
	}()
	return turns
}

type writer struct {
	latencies *hdrhistogram.Histogram // of appends that were stored, in microseconds
	failed    int64
	err       error // the first
}

func (w *writer) run(ctx, limited context.Context, turns <-chan time.Time, cfg AppendConfig, data []byte, do appendFunc) {
	for tried := false; !tried || limited.Err() == nil; tried = true { // a load that is over before it began has still tried
		begin := time.Now()
		if turns != nil {
			turn, more := <-turns
			if !more {
				return
			}
			begin = turn
		}
		stream := eventstore.StreamID("load-" + uuid.NewString())
		events := make([]eventstore.Event, cfg.EventsPerAppend)
		for i := range events {
			events[i] = eventstore.Event{
				ID: eventstore.NewID(), Type: "LoadMeasured", SchemaVersion: 1, Data: data,
				Metadata: eventstore.Metadata{CorrelationID: string(stream), Actor: "load"},
			}
		}
		if err := do(ctx, stream, events); err != nil { // the last append of a load is not cut off
			w.failed++
			if w.err == nil {
				w.err = err
			}
			if ctx.Err() != nil {
				return
			}
			continue
		}
		_ = w.latencies.RecordValue(min(max(time.Since(begin).Microseconds(), 1), time.Minute.Microseconds()))
	}
}
