package integration

import (
	"net/url"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// silence is longer than leases, sessions and transactions last: ten seconds each.
const silence = 15 * time.Second

// TestFaults breaks the servers of a platform under load, and the network between, in one way after the other. Each time work
// goes on by itself, and the judge finds that nothing was lost, doubled, reordered or skipped.
func TestFaults(t *testing.T) {
	t.Parallel()
	pg := Postgres(t)
	toPostgres := newLink(t, pg.Addr)
	var toBroker *link
	cluster := KafkaBehind(t, func(addr string) string {
		toBroker = newLink(t, addr)
		return toBroker.addr()
	})
	broker := cluster.Nodes[0]

	s := newShop(t, pg, at(t, pg.URL(), toPostgres.addr()), cluster.Addrs...)
	s.suffer(t, []fault{
		{"the broker is killed and started again", false, func(s *shop) {
			broker.Kill(s.t)
			s.noticed()
			s.loaded(20) // orders are accepted without a broker
			s.restart(broker, s.kafkaAnswers)
		}},
		{"Postgres is killed and started again", false, func(s *shop) {
			pg.Kill(s.t)
			s.noticed()
			s.restart(pg.Server, s.postgresAnswers)
		}},
		{"the network to the broker is cut and mended", false, func(s *shop) {
			toBroker.cut()
			s.noticed()
			s.loaded(20)
			toBroker.mend(s.t)
		}},
		{"a topic is deleted and made again", false, makeTopicAnew},
		{"a transactional id is taken over", false, takeTransactionalID},
		{"the broker stands still", true, func(s *shop) {
			broker.Pause(s.t)
			s.sleep(silence)
			broker.Unpause(s.t)
		}},
		{"Postgres stands still", true, func(s *shop) {
			pg.Pause(s.t)
			s.sleep(silence)
			pg.Unpause(s.t)
		}},
		{"the network to Postgres is cut and mended", true, func(s *shop) {
			toPostgres.cut()
			s.noticed()
			toPostgres.mend(s.t)
		}},
		{"what the broker answers is lost", true, func(s *shop) {
			toBroker.silence(s.t, answers)
			s.sleep(silence)
			toBroker.heal(s.t)
		}},
		{"what the broker is asked is lost", true, func(s *shop) {
			toBroker.silence(s.t, requests)
			s.sleep(silence)
			toBroker.heal(s.t)
		}},
		{"what Postgres answers is lost", true, func(s *shop) {
			toPostgres.silence(s.t, answers)
			s.sleep(silence)
			toPostgres.heal(s.t)
		}},
		{"the network to the broker is slow", true, func(s *shop) {
			toBroker.slow(s.t, requests)
			toBroker.slow(s.t, answers)
			s.loaded(100)
			toBroker.heal(s.t)
		}},
	})
}

// at is an address of Postgres by way of another.
func at(t *testing.T, postgres, addr string) string {
	t.Helper()
	u, err := url.Parse(postgres)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	return u.String()
}

// makeTopicAnew: a topic is filled from the log again, and each reader applies what it has not seen.
func makeTopicAnew(s *shop) {
	topic := kafka.EventsTopic(app.Orders)
	s.RemakesTopic(app.Orders)
	if _, err := kadm.NewClient(s.Client).DeleteTopic(s.t.Context(), topic); err != nil {
		s.t.Fatal(err)
	}
	await(s.t, "the topic is gone", func() bool { // the broker may know it for a moment longer, and it would count as made
		_, found, err := kafka.DescribeTopic(s.t.Context(), s.Client, topic)
		return err == nil && !found
	})
	await(s.t, "the topic can be made again", func() bool {
		return kafka.EnsureTopics(s.t.Context(), s.Client, kafka.EventsTopicSpec(app.Orders, 12, 1)) == nil
	})
}

// takeTransactionalID: someone else opens a transaction under the id of a relay, as a second relay would that does not know of
// the lease. The relay is fenced, starts again and fences in turn.
func takeTransactionalID(s *shop) {
	for range 3 {
		thief, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID("ordo-relay-"+app.Orders),
			kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			s.t.Fatal(err)
		}
		if err := thief.BeginTransaction(); err != nil {
			s.t.Fatal(err)
		}
		// A record that no reader of committed records may see: the relay's fence aborts it. That this fails is well too,
		// the relay may have been faster.
		record := kgo.StringRecord("stolen")
		record.Topic = kafka.EventsTopic(app.Orders)
		if err := thief.ProduceSync(s.t.Context(), record).FirstErr(); err != nil {
			s.t.Logf("the thief was fenced: %v", err)
		}
		s.recovers()
		if err := thief.EndTransaction(s.t.Context(), kgo.TryCommit); err == nil {
			s.t.Error("the thief was not fenced")
		}
		thief.Close()
	}
}
