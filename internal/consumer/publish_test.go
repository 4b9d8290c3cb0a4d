package consumer_test

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/kafka"
)

// Dead letters come to their topic with all that is known, and again under the same id if it is not known that they came.
func TestDeadLetterTopic(t *testing.T) {
	t.Parallel()
	f := setup(t)
	bad := newPoison(refuse, 2)
	c := f.config(bad.handler())
	c.MaxAttempts = 2
	_, stop := f.start(t, c)
	f.publish(t, f.appendTo("order-a", 1, 1), f.appendTo("order-a", 2, 1), f.appendTo("order-a", 3, 1))
	f.write(t, &kgo.Record{Topic: f.topic(), Partition: 1, Key: []byte("k"), Value: []byte("junk"), Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-1")}}})
	published := func(n int) {
		t.Helper()
		f.await(t, "the dead letters", func() bool {
			return f.count(t, "SELECT count(*) FROM parked_events WHERE published_at IS NOT NULL") == n
		})
	}
	published(3)
	stop()
	if _, err := f.pool.Exec(f.ctx, "UPDATE parked_events SET published_at = NULL WHERE position = 2"); err != nil { // killed in between
		t.Fatal(err)
	}
	f.start(t, c)
	published(3)

	reader, err := (kafka.Config{Brokers: f.brokers}).NewClient(kgo.ConsumeTopics(kafka.DeadLetterTopic(f.name)), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	var records []*kgo.Record
	for len(records) < 4 {
		fetches := reader.PollFetches(f.ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	header := func(r *kgo.Record, name string) string {
		for _, h := range r.Headers {
			if h.Key == name {
				return string(h.Value)
			}
		}
		return "missing"
	}
	ids := map[string]int{}
	byPosition := map[string]*kgo.Record{}
	for _, r := range records {
		ids[header(r, "ordo_dlq_id")]++
		byPosition[header(r, "ordo_dlq_position")] = r
	}
	if len(ids) != 3 || len(byPosition) != 3 {
		t.Errorf("ids %v", ids)
	}
	poison := byPosition["2"]
	for name, want := range map[string]string{
		"ordo_dlq_original_topic": f.topic(), "ordo_dlq_original_partition": "1", "ordo_dlq_original_offset": "1",
		"ordo_dlq_attempt": "2", "ordo_dlq_error_class": "failed", "ordo_dlq_redrive_count": "0", "ordo_dlq_error": refuse().Error(),
		"ordo_dlq_follows": "0", "ordo_dlq_group": f.name, "ce_type": "OrderPlaced", "ce_id": f.log[1].ID.String(),
	} {
		if got := header(poison, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"ordo_dlq_original_timestamp", "ordo_dlq_first_failed_at", "ordo_dlq_last_failed_at", "ordo_dlq_parked_at", "ordo_dlq_error_fingerprint"} {
		if header(poison, name) == "missing" {
			t.Errorf("no %s", name)
		}
	}
	if header(byPosition["3"], "ordo_dlq_follows") != "2" || header(byPosition["3"], "ordo_dlq_error_fingerprint") != header(poison, "ordo_dlq_error_fingerprint") {
		t.Error("what follows does not say what it follows")
	}
	if junk := byPosition["0"]; !bytes.Equal(junk.Value, []byte("junk")) || header(junk, "traceparent") != "00-1" || !bytes.Equal(junk.Key, []byte("k")) {
		t.Errorf("junk %+v", junk)
	}
}
