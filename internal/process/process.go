package process

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
	"github.com/ordo-platform/ordo/schemas"
)

// State sums up where an order's process stands.
type State string

// The states of a process.
const (
	Running      State = "running"
	Retrying     State = "retrying" // running or compensating, and what is awaited failed and is tried again
	Compensating State = "compensating"
	Stuck        State = "stuck" // needs attention, or is past its deadline
	Done         State = "done"
)

// States lists all states.
func States() []State { return []State{Running, Retrying, Compensating, Stuck, Done} }

// Progress is how far a step is.
type Progress string

// How far a step can be.
const (
	StepDone     Progress = "done"
	StepFailed   Progress = "failed"  // a definite no
	StepUndone   Progress = "undone"  // was done, and is not any more
	StepDropped  Progress = "dropped" // given up before it was answered
	StepAwaited  Progress = "awaited"
	StepExpected Progress = "expected" // still to come
)

// Process is an order's way so far.
type Process struct {
	OrderID       string       `json:"order_id"`
	Status        order.Status `json:"status"`
	State         State        `json:"state"`
	CorrelationID string       `json:"correlation_id"`
	StartedAt     time.Time    `json:"started_at"`
	UpdatedAt     time.Time    `json:"updated_at"`
	DurationMS    int64        `json:"duration_ms"` // to the newest event
	Steps         []Step       `json:"steps"`
	Events        []Event      `json:"events"` // each after the one that caused it
}

// Step is one step of the process. Fields that say nothing are left out.
type Step struct {
	Name       string     `json:"name"`
	Service    string     `json:"service"` // who does it
	Progress   Progress   `json:"progress"`
	Try        int        `json:"try,omitzero"` // which time it was asked for, from 1; more than 1 after an operator's retry
	AskedAt    *time.Time `json:"asked_at,omitempty"`
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
	DurationMS *int64     `json:"duration_ms,omitempty"` // from asking to the answer, or until now
	Answer     string     `json:"answer,omitempty"`      // type of the event that answered
	Detail     string     `json:"detail,omitempty"`      // why it failed, or needs attention
	Deadline   *time.Time `json:"deadline,omitempty"`    // of one that is awaited

	// Of an awaited one that is tried again by itself:
	Attempt     int        `json:"attempt,omitzero"`
	NextAttempt *time.Time `json:"next_attempt_at,omitempty"`
	LastError   string     `json:"last_error,omitempty"`
}

// Event is an event of the order in one of the services.
type Event struct {
	ID          uuid.UUID           `json:"id"`
	Service     string              `json:"service"`
	Type        string              `json:"type"`
	Version     eventstore.Version  `json:"version"`
	Position    eventstore.Position `json:"position"`
	Step        string              `json:"step,omitempty"` // the step that made it; empty for a command from outside
	CausationID string              `json:"causation_id,omitempty"`
	Depth       int                 `json:"depth"` // how many events led to it
	At          time.Time           `json:"at"`
	OffsetMS    int64               `json:"offset_ms"` // since the first
}

// Story is what is known of an order. Each list is one stream's events, oldest first.
type Story struct {
	Order, Reservation, Payment []eventstore.Recorded

	Call     *Pending // the call to the payment provider that is open
	Deadline *Pending // of what the order waits for
	Now      time.Time
}

// Pending is a task that waits.
type Pending struct {
	Attempt   int // how often it was begun
	Due       time.Time
	LastError string
}

// Describe tells an order's way. It fails on a story that has no order, or that this program cannot read.
func Describe(s Story) (Process, error) {
	if len(s.Order) == 0 {
		return Process{}, errors.New("process: an order without events")
	}
	t := telling{story: s}
	if err := t.tell(); err != nil {
		return Process{}, err
	}
	first := s.Order[0]
	p := Process{
		OrderID: first.Stream.Key(), Status: t.order.Status, CorrelationID: first.Metadata.CorrelationID,
		StartedAt: first.RecordedAt, Steps: t.steps, Events: tree(s),
	}
	for _, e := range p.Events {
		if e.At.After(p.UpdatedAt) {
			p.UpdatedAt = e.At
		}
	}
	p.DurationMS = p.UpdatedAt.Sub(p.StartedAt).Milliseconds()
	p.State = t.state()
	return p, nil
}

// Waits returns what an order waits for after its events; zero if nothing is awaited.
func Waits(events []eventstore.Recorded) (order.Wait, error) {
	state, err := fold(events, func(order.Event, eventstore.Recorded) {})
	return state.Wait, err
}

// fold returns an order after its events and shows each of them.
func fold(events []eventstore.Recorded, see func(order.Event, eventstore.Recorded)) (state order.State, err error) {
	for _, rec := range events {
		decoded, err := schemas.Decode(rec.Event)
		if err != nil {
			return state, fmt.Errorf("%s version %d: %w", rec.Stream, rec.Version, err)
		}
		e, ok := decoded.(order.Event)
		if !ok {
			return state, fmt.Errorf("%s version %d: a %s does not belong here", rec.Stream, rec.Version, rec.Type)
		}
		state = order.Decider.Evolve(state, e)
		see(e, rec)
	}
	return state, nil
}

// telling goes through a story.
type telling struct {
	story Story
	order order.State
	steps []Step
}

func (t *telling) tell() (err error) {
	attention := ""
	t.order, err = fold(t.story.Order, func(e order.Event, rec eventstore.Recorded) {
		if _, wait, asks := order.Awaits(e); asks {
			t.steps = append(t.steps, step(string(wait.Step), wait.Attempt, rec.RecordedAt))
		}
		if a, needs := e.(order.AttentionNeeded); needs {
			attention = strings.TrimSpace(fmt.Sprintf("needs attention: %s %s", a.Cause, a.Detail))
		}
	})
	if err != nil {
		return err
	}
	for _, rec := range slices.Concat(t.story.Reservation, t.story.Payment) {
		t.answer(rec)
	}
	t.settle(attention)
	t.expect()
	return nil
}

func step(name string, try int, at time.Time) Step {
	return Step{Name: name, Service: owner(name), Progress: StepAwaited, Try: try, AskedAt: &at}
}

func owner(name string) string {
	for _, s := range fulfilment.Steps {
		if s.Name == name {
			return s.Owner
		}
	}
	return ""
}

// answer gives an event of a participant to the newest step that was asked for before and is answered by it.
func (t *telling) answer(rec eventstore.Recorded) {
	a, ok := answers[rec.Type]
	if !ok {
		return
	}
	for i, s := range slices.Backward(t.steps) {
		if s.Name != string(a.step) || s.AskedAt.After(rec.RecordedAt) {
			continue
		}
		at := rec.RecordedAt
		took := at.Sub(*s.AskedAt).Milliseconds()
		s.AnsweredAt, s.DurationMS, s.Answer, s.Progress = &at, &took, rec.Type, a.progress
		if a.progress == StepFailed {
			s.Detail = detail(rec)
		}
		t.steps[i] = s
		return
	}
}

// settle says of every step what became of it, once all answers are in.
func (t *telling) settle(attention string) {
	for i := range t.steps {
		s := &t.steps[i]
		open := i == len(t.steps)-1 && t.order.Wait.Step == order.Step(s.Name)
		switch {
		case s.Progress == StepAwaited && !open:
			s.Progress = StepDropped
		case s.Progress == StepAwaited:
			t.awaited(s, attention)
		case s.Progress == StepDone && t.undone(order.Step(s.Name)):
			s.Progress = StepUndone
		case s.Progress == StepFailed && open && t.order.Status == order.StatusNeedsAttention:
			s.Detail = attention
		}
	}
}

func (t *telling) awaited(s *Step, attention string) {
	waited := t.story.Now.Sub(*s.AskedAt).Milliseconds()
	s.DurationMS = &waited
	if d := t.story.Deadline; d != nil {
		s.Deadline = &d.Due
	}
	if t.order.Status == order.StatusNeedsAttention {
		s.Detail = attention
	}
	if c := t.story.Call; c != nil && s.Service == fulfilment.Payments {
		s.Attempt, s.LastError = c.Attempt, c.LastError
		if c.LastError != "" {
			s.NextAttempt = &c.Due
		}
	}
}

// undone tells whether the step that undoes another has been done.
func (t *telling) undone(name order.Step) bool {
	return slices.ContainsFunc(t.steps, func(s Step) bool {
		return s.Name == undo[name] && s.Progress == StepDone
	})
}

// expect adds the steps that are still to come, as far as the way is clear.
func (t *telling) expect() {
	var to []string
	switch {
	case len(t.order.Undo) > 0:
		for _, s := range t.order.Undo[1:] {
			to = append(to, string(s.UndoneBy()))
		}
	case t.order.Wait.Step == order.StepReserveStock:
		to = []string{string(order.StepAuthorizePayment)}
	case t.order.Wait.Step == order.StepCapturePayment:
		to = []string{string(order.StepCommitStock)}
	}
	for _, name := range to {
		t.steps = append(t.steps, Step{Name: name, Service: owner(name), Progress: StepExpected})
	}
}

func (t *telling) state() State {
	waits := t.order.Wait != order.Wait{}
	overdue := waits && t.story.Deadline != nil && t.story.Now.Sub(t.story.Deadline.Due) > late
	switch {
	case t.order.Status == order.StatusNeedsAttention || overdue:
		return Stuck
	case !waits:
		return Done
	case t.story.Call != nil && t.story.Call.LastError != "":
		return Retrying
	case t.order.Status == order.StatusCancelling:
		return Compensating
	default:
		return Running
	}
}

// late is for how long a deadline may have passed before that is somebody's fault.
const late = 10 * time.Second
