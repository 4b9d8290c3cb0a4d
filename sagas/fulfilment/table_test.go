package fulfilment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// TestTable holds the table to its own rules: names are the salt of event ids, so no two steps may share one, and an undo
// must be a step.
func TestTable(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, s := range fulfilment.Steps {
		if names[s.Name] {
			t.Errorf("two steps are called %s", s.Name)
		}
		names[s.Name] = true
	}
	for _, s := range fulfilment.Steps {
		if s.UndoneBy != "" && !names[s.UndoneBy] {
			t.Errorf("%s is undone by %s, which is no step", s.Name, s.UndoneBy)
		}
	}
}

// TestDeadlines: every wait has a deadline, whose key tells which.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	const id order.ID = "0198c7a2-0000-7000-8000-000000000001"
	undo := []order.Step{order.StepAuthorizePayment, order.StepReserveStock}
	for _, tc := range []struct {
		event  order.Event
		wait   order.Wait
		within time.Duration
	}{
		{order.Placed{OrderID: id}, order.Wait{Step: order.StepReserveStock, Attempt: 1}, 30 * time.Second},
		{order.PaymentRequested{OrderID: id}, order.Wait{Step: order.StepAuthorizePayment, Attempt: 1}, 2 * time.Minute},
		{order.ShipmentRequested{OrderID: id}, order.Wait{Step: order.StepCapturePayment, Attempt: 1}, 2 * time.Minute},
		{order.CommitRequested{OrderID: id}, order.Wait{Step: order.StepCommitStock, Attempt: 1}, 30 * time.Second},
		{order.CancellationRequested{OrderID: id, Undo: undo}, order.Wait{Step: order.StepVoidPayment, Attempt: 1}, 2 * time.Minute},
		{order.CancellationRequested{OrderID: id, Undo: undo[1:]}, order.Wait{Step: order.StepReleaseStock, Attempt: 1}, 30 * time.Second},
		{order.CompensationStarted{OrderID: id, Undo: undo[1:]}, order.Wait{Step: order.StepReleaseStock, Attempt: 1}, 30 * time.Second},
		{order.CompensationAdvanced{OrderID: id, Next: undo[1]}, order.Wait{Step: order.StepReleaseStock, Attempt: 1}, 30 * time.Second},
		{order.RetryRequested{OrderID: id, Wait: order.Wait{Step: order.StepVoidPayment, Attempt: 3}}, order.Wait{Step: order.StepVoidPayment, Attempt: 3}, 2 * time.Minute},
	} {
		task, ok := deadlineOf(nil, tc.event)
		if !ok || task.Kind != fulfilment.DeadlineTask || task.Delay != tc.within {
			t.Errorf("%T: %+v, %v", tc.event, task, ok)
		}
		if of, wait, err := fulfilment.ParseDeadline(task.Key); of != id || wait != tc.wait || err != nil {
			t.Errorf("%T: %s is read as %s, %+v, %v", tc.event, task.Key, of, wait, err)
		}
	}
	for _, tc := range []struct {
		event    order.Event
		answered order.Step
	}{
		{order.PaymentRequested{OrderID: id}, order.StepReserveStock},
		{order.Confirmed{OrderID: id}, order.StepAuthorizePayment},
		{order.CommitRequested{OrderID: id}, order.StepCapturePayment},
		{order.Shipped{OrderID: id}, order.StepCommitStock},
		{order.CompensationAdvanced{OrderID: id, Next: undo[1]}, ""},
	} {
		var follows eventstore.Append
		fulfilment.Within(nil).Tasks(tc.event, &follows)
		var want []eventstore.TaskID
		if tc.answered != "" {
			want = []eventstore.TaskID{{Kind: fulfilment.DeadlineTask, Key: fulfilment.DeadlineKey(id, order.Wait{Step: tc.answered, Attempt: 1})}}
		}
		if !slices.Equal(follows.Done, want) {
			t.Errorf("%T takes away %v, want %v", tc.event, follows.Done, want)
		}
	}
	for _, e := range []aggregates.Event{
		order.Confirmed{OrderID: id},
		order.Shipped{OrderID: id},
		order.Rejected{OrderID: id},
		order.Cancelled{OrderID: id},
		order.AttentionNeeded{OrderID: id},
		payment.Authorized{OrderID: string(id)},
	} {
		if task, ok := deadlineOf(nil, e); ok {
			t.Errorf("%T has a deadline: %+v", e, task)
		}
	}
	short := fulfilment.Within{order.StepAuthorizePayment: time.Second}
	if task, _ := deadlineOf(short, order.PaymentRequested{OrderID: id}); task.Delay != time.Second {
		t.Errorf("a deadline of a second is %s", task.Delay)
	}
	for _, key := range []string{"", "a", "a/b", "a/b/", "/b/1", "a//1", "a/b/x"} {
		if _, _, err := fulfilment.ParseDeadline(key); err == nil {
			t.Errorf("%q is taken for a deadline", key)
		}
	}
}

// deadlineOf returns the deadline that an event starts, if it does.
func deadlineOf(w fulfilment.Within, e aggregates.Event) (eventstore.Task, bool) {
	var a eventstore.Append
	w.Tasks(e, &a)
	if len(a.Tasks) == 0 {
		return eventstore.Task{}, false
	}
	return a.Tasks[0], true
}
