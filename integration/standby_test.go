package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// TestSynchronousStandby: the primary is lost and its synchronous standby takes its place, at the same address. Nothing that was
// acknowledged is lost, and the platform goes on.
func TestSynchronousStandby(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	primary := Postgres(t)
	standby := primary.Standby(t)
	standby.Synchronous(t)
	way := newLink(t, primary.Addr)
	broker := Kafka(t)
	s := newShop(t, primary, at(t, primary.URL(), way.addr()), broker.Addrs...)
	s.suffer(t, []fault{{"a synchronous standby is promoted", true, func(s *shop) {
		primary.Kill(s.t)
		standby.Promote(s.t)
		way.lead(s.t, standby.Addr)
		s.Postgres = standby.URL()
	}}})
}

// TestAsynchronousStandby: the standby that takes the place of the primary does not have its last commits. They were
// acknowledged, published and acted upon, so no program can mend that; but it is said, and no second history is published
// beside the first.
func TestAsynchronousStandby(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	primary := Postgres(t)
	standby := primary.Standby(t)
	way := newLink(t, primary.Addr)
	broker := Kafka(t)
	s := newShop(t, primary, at(t, primary.URL(), way.addr()), broker.Addrs...)
	s.open(t)
	stop := s.books.Load(t, pace, s.url)
	s.loaded(20)
	standby.Sever(t)
	s.loaded(50)
	stop()
	s.awaitRest() // what is lost is published, every bit of it
	published := s.count(kafka.EventsTopic(app.Orders))

	primary.Kill(t)
	standby.Promote(t)
	s.Postgres = standby.URL()
	kept := judge.Query[struct{ N int }](s.World, app.Orders, "SELECT count(*) FROM events")[0].N
	t.Logf("%d events of orders were published, %d are left in the log", published, kept)
	if kept >= published {
		t.Fatal("void: nothing is lost")
	}
	way.lead(t, standby.Addr)

	var said string
	await(t, "the platform says that the log is not the one that was published", func() bool {
		said = s.readiness()
		return strings.Contains(said, fmt.Sprintf("relay %s: the log (head %d) is not the one that was published", app.Orders, kept))
	})
	t.Log(said)
	// New orders make the log longer than what was published. They are not published, and it is still said.
	stop = s.books.Load(t, pace, s.url)
	await(t, "the log is longer than what was published", func() bool {
		return judge.Query[struct{ N int }](s.World, app.Orders, "SELECT count(*) FROM events")[0].N > published
	})
	stop()
	s.stop()
	if now := s.count(kafka.EventsTopic(app.Orders)); now != published {
		t.Errorf("%d events were published after all", now-published)
	}
	// So it is after a restart, which has nothing to go by but what is stored.
	if err := startFails(t, s.config); err == nil || !strings.Contains(err.Error(), "is not the one that was published") {
		t.Errorf("started again: %v", err)
	}
}

// count is how many committed records a topic has.
func (s *shop) count(topic string) (n int) {
	s.t.Helper()
	for _, records := range s.Read(topic) {
		n += len(records)
	}
	return n
}

// readiness is what /readyz says, empty if it is green or says nothing.
func (s *shop) readiness() string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode == http.StatusOK {
		return ""
	}
	return string(said)
}
