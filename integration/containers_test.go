package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	pg := Postgres(t)
	for _, name := range []string{"orders", "Odd name"} {
		conn, err := pgx.Connect(t.Context(), pg.Database(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var version, database, fsync string
		err = conn.QueryRow(t.Context(), "SELECT version(), current_database(), current_setting('fsync')").Scan(&version, &database, &fsync)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(version, "PostgreSQL 18.") || database != name || fsync != "on" {
			t.Errorf("version %q, database %q, fsync %s", version, database, fsync)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// What the platform needs of a broker: a reader of committed records sees a committed transaction as a whole and nothing
// of an aborted one.
func TestKafkaTransactions(t *testing.T) {
	t.Parallel()
	broker := Kafka(t)
	const topic = "orders.events"
	producer := newKafkaClient(t, broker, kgo.TransactionalID("relay-orders"), kgo.DefaultProduceTopic(topic))
	if _, err := kadm.NewClient(producer).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	transaction(t, producer, kgo.TryAbort, "aborted")
	transaction(t, producer, kgo.TryCommit, "a", "b")
	transaction(t, producer, kgo.TryAbort, "aborted")
	transaction(t, producer, kgo.TryCommit, "c")

	consumer := newKafkaClient(t, broker, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []string
	for len(got) < 3 {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %v: %v", got, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if strings.Join(got, " ") != "a b c" {
		t.Errorf("read %v", got)
	}
}

// transaction sends records and ends.
func transaction(t *testing.T, client *kgo.Client, end kgo.TransactionEndTry, values ...string) {
	t.Helper()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var errs []error
	for _, v := range values {
		errs = append(errs, client.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr())
	}
	errs = append(errs, client.EndTransaction(t.Context(), end))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func newKafkaClient(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addrs...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
