package judge

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Publishers are the services that have a log and a topic, Services are all that have a database.
var (
	Publishers = []string{"orders", "inventory", "payments", "catalog", "customers"}
	Services   = append([]string{"views"}, Publishers...)
)

// Patience bounds every wait. It is generous: what counts is what holds in the end.
const Patience = 60 * time.Second

// World is where the processes under test keep their data.
type World struct {
	T        testing.TB
	Postgres string // URL of the server, for a superuser; the services' databases are named ordo_<service>
	Brokers  []string
	Client   *kgo.Client // the judge's, for admin requests

	spy       *spy
	remade    map[string]int    // how often the test has deleted the topic of a service's events
	strangers map[spot]stranger // records that the test has put on topics
}

// New returns a world for as long as the test lasts.
func New(t testing.TB, postgres string, brokers ...string) *World {
	t.Helper()
	w := &World{T: t, Postgres: postgres, Brokers: brokers}
	var err error
	if w.Client, err = kgo.NewClient(kgo.SeedBrokers(brokers...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Client.Close)
	return w
}

// RemakesTopic tells the judge that the topic of a service's events is deleted now: its relay begins again.
func (w *World) RemakesTopic(service string) {
	if w.remade == nil {
		w.remade = map[string]int{}
	}
	w.remade[service]++
}

// ForgetMembers has all consumer groups give up their members now, and not when the sessions of those that are dead run out.
func (w *World) ForgetMembers() {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), Patience)
	defer cancel()
	groups, err := kadm.NewClient(w.Client).DescribeGroups(ctx)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, g := range groups.Sorted() {
		if len(g.Members) == 0 {
			continue
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = g.Group
		for _, m := range g.Members {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
			leave.Members = append(leave.Members, member)
		}
		if _, err := leave.RequestWith(ctx, w.Client); err != nil {
			w.T.Fatal(err)
		}
	}
}

// DatabaseURL is the address of a service's database, for the superuser.
func (w *World) DatabaseURL(service string) string {
	u, err := url.Parse(w.Postgres)
	if err != nil {
		w.T.Fatal(err)
	}
	u.Path = "/ordo_" + service
	return u.String()
}

// Connect returns a connection to a service's database.
func (w *World) Connect(service string) *pgx.Conn {
	w.T.Helper()
	conn, err := pgx.Connect(w.T.Context(), w.DatabaseURL(service))
	if err != nil {
		w.T.Fatal(err)
	}
	return conn
}

// Exec runs statements in a service's database.
func (w *World) Exec(service, sql string) {
	w.T.Helper()
	conn := w.Connect(service)
	defer func() { _ = conn.Close(context.WithoutCancel(w.T.Context())) }()
	if _, err := conn.Exec(w.T.Context(), sql); err != nil {
		w.T.Fatalf("%s: %s: %v", service, sql, err)
	}
}

// Query returns rows of a service's database; T has a field for each column.
func Query[T any](w *World, service, sql string) []T {
	w.T.Helper()
	conn := w.Connect(service)
	defer func() { _ = conn.Close(context.WithoutCancel(w.T.Context())) }()
	rows, _ := conn.Query(w.T.Context(), sql)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		w.T.Fatalf("%s: %s: %v", service, sql, err)
	}
	return all
}

// Within polls until a condition holds, and tells whether it did in time.
func Within(t testing.TB, limit time.Duration, holds func() bool) bool {
	t.Helper()
	end := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatal("the test ends")
		case <-end:
			return false
		case <-tick.C:
		}
	}
	return true
}
