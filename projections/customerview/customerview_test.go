package customerview_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/projectiontest"
)

const id customer.ID = "0198c7a2-0000-7000-8000-00000000c001"

var (
	at         = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	registered = customer.Registered{CustomerID: id, Name: "Zoë", Email: "zoe@example.com", At: at}
	blocked    = customer.Blocked{CustomerID: id, At: at}
	unblocked  = customer.Unblocked{CustomerID: id, At: at}
)

func TestFold(t *testing.T) {
	t.Parallel()
	var log projectiontest.Log
	for i, step := range []struct {
		event  customer.Event
		status customer.Status
	}{
		{registered, customer.StatusActive},
		{blocked, customer.StatusBlocked},
		{unblocked, customer.StatusActive},
	} {
		log.Append(customer.Stream(id), step.event)
		rows, err := projectiontest.Fold(customerview.Model, log.Events())
		if err != nil {
			t.Fatal(err)
		}
		n := int64(i + 1)
		want := customerview.Customer{
			ID: id, Name: "Zoë", Email: "zoe@example.com", Status: step.status,
			Mark: projections.Mark{Version: eventstore.Version(n), Position: eventstore.Position(n), Applied: n},
		}
		if got := rows[string(id)]; got != want {
			t.Errorf("after %+v: got %+v, want %+v", step.event, got, want)
		}
	}
}

func TestFoldRefusesImpossibleHistory(t *testing.T) {
	t.Parallel()
	known := customerview.Customer{ID: id, Mark: projections.Mark{Version: 1, Position: 1, Applied: 1}}
	for _, test := range []struct {
		row     customerview.Customer
		payload customer.Event
	}{
		{customerview.Customer{}, blocked}, {customerview.Customer{}, unblocked}, {known, registered},
	} {
		version := test.row.Version + 1
		_, err := customerview.Apply(test.row, projections.Event{
			Recorded: eventstore.Recorded{Version: version, Position: eventstore.Position(version)}, Payload: test.payload,
		})
		if err == nil {
			t.Errorf("%T is accepted as version %d", test.payload, version)
		}
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	pool := projectiontest.Database(t, customerview.Model.Name, customerview.Migrations())
	var log projectiontest.Log
	log.Append(customer.Stream(id), registered)
	log.Append(customer.Stream(id), blocked)
	projectiontest.Project(t, pool, customerview.Model, log.Events()...)

	queries := customerview.NewQueries(pool)
	got, err := queries.Get(t.Context(), id)
	want := customerview.Customer{
		ID: id, Name: "Zoë", Email: "zoe@example.com", Status: customer.StatusBlocked,
		Mark: projections.Mark{Version: 2, Position: 2, Applied: 2},
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	var notFound *projections.NotFoundError
	if _, err := queries.Get(t.Context(), "nobody"); !errors.As(err, &notFound) {
		t.Errorf("got %v, want a NotFoundError", err)
	}
}
