package integration

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/app"
)

// full tells whether the cases that take long or need much memory are to be run: `make test/faults`.
func full() bool { return os.Getenv("ORDO_FAULTS") == "full" }

func onlyInFull(t *testing.T) {
	t.Helper()
	if !full() {
		t.Skip("takes long; with ORDO_FAULTS=full")
	}
}

const (
	// pace is how long each of the customers waits after an order.
	pace = 100 * time.Millisecond

	// recoveryLimit is how long after a fault has ended, and the servers answer, the first new order may take until it is
	// confirmed.
	recoveryLimit = 30 * time.Second

	// impatience is after how long without a confirmed order another is placed.
	impatience = 5 * time.Second
)

// shop is a platform on real servers, with customers in it and a judge who looks on.
type shop struct {
	*judge.World
	t      *testing.T // the one that runs
	config app.LocalConfig
	books  *judge.Journal
	url    string
	stop   func() // of the platform
	probes int
}

// newShop has a platform use servers at the addresses that it is given. The judge asks Postgres directly.
func newShop(t *testing.T, pg *PostgresServer, address string, brokers ...string) *shop {
	t.Helper()
	return &shop{World: judge.New(t, pg.URL(), brokers...), config: app.LocalConfig{DatabaseURL: address, Brokers: brokers}}
}

// fault is something that happens to a platform and its servers.
type fault struct {
	name string
	long bool

	// strike lets it happen, under load, and returns when it is over.
	strike func(s *shop)
}

// suffer runs the faults one after the other, each on a platform of its own on the same data, and has each judged.
func (s *shop) suffer(t *testing.T, faults []fault) {
	t.Helper()
	for _, f := range faults {
		if !t.Run(f.name, func(t *testing.T) {
			if f.long {
				onlyInFull(t)
			}
			s.open(t)
			stop := s.books.Load(t, pace, s.url)
			s.loaded(20)
			f.strike(s)
			s.recovers()
			s.loaded(20)
			stop()
			s.settle()
		}) {
			return // what comes after would be blamed for it
		}
	}
}

// open starts the platform and, the first time, opens the shop.
func (s *shop) open(t *testing.T) {
	t.Helper()
	s.t, s.T = t, t
	s.config.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	p, stop := start(t, s.config)
	s.url, s.stop = "http://"+p.Addr(), stop
	s.InstallAudit()
	if s.books == nil {
		s.books = judge.OpenShop(t, s.url)
	}
	s.awaitRest()
}

func (s *shop) awaitRest() {
	s.t.Helper()
	if open := s.Rest(2 * judge.Patience); open != "" {
		s.t.Fatalf("does not come to rest: %s", open)
	}
}

// loaded waits until so many more orders are accepted.
func (s *shop) loaded(more int) {
	s.t.Helper()
	want := s.books.Accepted() + more
	await(s.t, fmt.Sprintf("%d more orders are accepted", more), func() bool { return s.books.Accepted() >= want })
}

// noticed waits until the platform says that something is wrong.
func (s *shop) noticed() {
	s.t.Helper()
	await(s.t, "/readyz is red", func() bool {
		return judge.Call(s.t.Context(), http.MethodGet, s.url+"/readyz", "", nil, nil) != nil
	})
}

// restart starts a server that was killed and waits until it answers.
func (s *shop) restart(server *Server, answers func(*Server) error) {
	s.t.Helper()
	began := time.Now()
	server.Start(s.t)
	if !judge.Within(s.t, startTimeout, func() bool { return answers(server) == nil }) {
		s.t.Fatalf("the server does not answer: %v", answers(server))
	}
	s.t.Logf("the server answered after %s", time.Since(began).Round(10*time.Millisecond))
}

// kafkaAnswers and postgresAnswers are nil if they do. This very broker has to answer: while brokers are away, those that are left
// may take them for present.
func (s *shop) kafkaAnswers(broker *Server) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx)
}

func (s *shop) postgresAnswers(*Server) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.Postgres)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// recovers waits until an order is confirmed that is placed from now on, and holds the time against the promise.
func (s *shop) recovers() {
	s.t.Helper()
	since := time.Now()
	var keys []string
	if !judge.Within(s.t, 3*judge.Patience, func() bool {
		// One that was placed in the middle of a fault may be cancelled by a deadline, rightly.
		if time.Since(since) >= time.Duration(len(keys))*impatience {
			s.probes++
			keys = append(keys, fmt.Sprintf("probe-%d-0", s.probes))
		}
		return slices.ContainsFunc(keys, s.confirms)
	}) {
		s.t.Fatal("no new order is confirmed")
	}
	took := time.Since(since)
	s.t.Logf("the first new order was confirmed after %s", took.Round(10*time.Millisecond))
	if full() && took > recoveryLimit { // a machine that runs all tests at once proves nothing about time
		s.t.Errorf("it took %s until an order was confirmed, the limit is %s", took, recoveryLimit)
	}
}

// confirms places the order of a key, if it is not yet, and tells whether it is confirmed.
func (s *shop) confirms(key string) bool {
	if s.books.Answer(key) == "" && !s.books.Place(s.t.Context(), s.url, key) {
		return false
	}
	var order struct{ Status string }
	err := judge.Call(s.t.Context(), http.MethodGet, s.url+"/v1/orders/"+s.books.Answer(key), "", nil, &order)
	return err == nil && order.Status == "confirmed"
}

// settle lets what was begun end, asks for every answer again, stops the platform and judges.
func (s *shop) settle() {
	s.t.Helper()
	wrong := s.books.AskAgain(s.t, s.url)
	s.awaitRest()
	s.stop()
	for _, what := range append(wrong, s.Judge()...) {
		s.t.Error(what)
	}
	s.t.Logf("judged %d orders", s.books.Len())
}

// sleep is for faults that last for a time.
func (s *shop) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.t.Context().Done():
	case <-timer.C:
	}
}
