// Command consume applies the events of a topic to a table of its own, each exactly once: the position goes into the
// transaction of the work. It says what it has applied.
//
//	go run ./docs/consuming/go localhost:9092 orders.events postgres://localhost/shipping
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
)

const tables = `
	CREATE TABLE IF NOT EXISTS positions (
		topic text, partition int, position bigint NOT NULL, next_offset bigint NOT NULL, PRIMARY KEY (topic, partition)
	);
	CREATE TABLE IF NOT EXISTS subjects (subject text PRIMARY KEY, events int NOT NULL, last_type text NOT NULL)`

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: consume BROKERS TOPIC DATABASE_URL")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, strings.Split(os.Args[1], ","), os.Args[2], os.Args[3]); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

func run(ctx context.Context, brokers []string, topic, database string) error {
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close(context.Background()) //nolint:errcheck // the process ends
	if _, err := db.Exec(ctx, tables); err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ConsumerGroup("shipping"), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), // else you see what was taken back
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			return offsets, load(ctx, db, topic, offsets)
		}),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	for {
		fetches := client.PollRecords(ctx, 500)
		err := fetches.Err()
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if err == nil && len(p.Records) > 0 {
				err = apply(ctx, db, p.Records)
			}
		})
		client.AllowRebalance()
		if err != nil {
			return err
		}
	}
}

// load sets where each partition starts: after what the table says was applied, else at its beginning.
func load(ctx context.Context, db *pgx.Conn, topic string, offsets map[string]map[int32]kgo.Offset) error {
	for partition := range offsets[topic] {
		var next int64
		err := db.QueryRow(ctx, "SELECT next_offset FROM positions WHERE topic = $1 AND partition = $2", topic, partition).Scan(&next)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		offsets[topic][partition] = kgo.NewOffset().At(next)
	}
	return nil
}

// apply does the work of some records of one partition, and moves its position, in one transaction.
func apply(ctx context.Context, db *pgx.Conn, records []*kgo.Record) error {
	topic, partition := records[0].Topic, records[0].Partition
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	if _, err := tx.Exec(ctx, "INSERT INTO positions VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING", topic, partition); err != nil {
		return err
	}
	// The lock keeps out a member of the group that has not heard yet that the partition is now ours.
	var last int64
	err = tx.QueryRow(ctx, "SELECT position FROM positions WHERE topic = $1 AND partition = $2 FOR UPDATE", topic, partition).Scan(&last)
	if err != nil {
		return err
	}
	var applied []string
	for _, r := range records {
		position, prev := number(r, "ce_sequence"), number(r, "ordo_prev")
		if position <= last {
			continue // seen: the topic was made anew, or another was faster
		}
		if prev != last {
			return fmt.Errorf("%s/%d: event %d follows %d, but the last one here was %d: events are missing", topic, partition, position, prev, last)
		}
		_, err := tx.Exec(ctx, `INSERT INTO subjects VALUES ($1, 1, $2)
			ON CONFLICT (subject) DO UPDATE SET events = subjects.events + 1, last_type = excluded.last_type`,
			header(r, "ce_subject"), header(r, "ce_type"))
		if err != nil {
			return err
		}
		last = position
		applied = append(applied, fmt.Sprintf("%d %d %s %s", partition, position, header(r, "ce_type"), header(r, "ce_subject")))
	}
	next := records[len(records)-1].Offset + 1
	if _, err := tx.Exec(ctx, "UPDATE positions SET position = $3, next_offset = $4 WHERE topic = $1 AND partition = $2", topic, partition, last, next); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	for _, line := range applied {
		fmt.Println(line)
	}
	return nil
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func number(r *kgo.Record, name string) int64 {
	n, err := strconv.ParseInt(header(r, name), 10, 64)
	if err != nil {
		return -1 // no event of ours
	}
	return n
}
