package fulfilment

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
)

// DeadlineTask is the kind of the tasks that wait for deadlines. They belong to the orders service.
const DeadlineTask = "deadline"

// PassDeadline is the step that deadlines are passed in: it is triggered by time, so it is not in [Steps].
const PassDeadline = "pass_deadline"

// Within says for how long the answer to a step is waited for: as [Steps] does, unless it says otherwise itself.
type Within map[order.Step]time.Duration

// Tasks adds to the append of an event what it means for deadlines: a new one if it starts a wait, and the end of one if it is the
// answer to the first try of a step. The key of a deadline says what for, so one that comes after the answer finds that this is not
// awaited any more.
func (w Within) Tasks(e aggregates.Event, a *eventstore.Append) {
	own, ok := e.(order.Event)
	if !ok {
		return
	}
	if id, wait, ok := order.Awaits(own); ok {
		a.Tasks = append(a.Tasks, eventstore.Task{Kind: DeadlineTask, Key: DeadlineKey(id, wait), Delay: w.of(wait.Step)})
	}
	if id, wait, ok := order.Answers(own); ok {
		a.Done = append(a.Done, eventstore.TaskID{Kind: DeadlineTask, Key: DeadlineKey(id, wait)})
	}
}

// DeadlineKey is the key of the task that waits for the deadline of an order's wait.
func DeadlineKey(id order.ID, wait order.Wait) string {
	return fmt.Sprintf("%s/%s/%d", id, wait.Step, wait.Attempt)
}

func (w Within) of(step order.Step) time.Duration {
	if d, ok := w[step]; ok {
		return d
	}
	for _, s := range Steps {
		if s.Name == string(step) {
			return s.Within
		}
	}
	panic("fulfilment: an order waits for a step that is not in the table: " + string(step))
}

// ParseDeadline returns which order a deadline is of, and what for, from the key of its task.
func ParseDeadline(key string) (order.ID, order.Wait, error) {
	id, rest, _ := strings.Cut(key, "/")
	step, n, _ := strings.Cut(rest, "/")
	attempt, err := strconv.Atoi(n)
	if err != nil || id == "" || step == "" {
		return "", order.Wait{}, fmt.Errorf("%q is not the key of a deadline", key)
	}
	return order.ID(id), order.Wait{Step: order.Step(step), Attempt: attempt}, nil
}
