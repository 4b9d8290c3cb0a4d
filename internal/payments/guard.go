package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/ordo-platform/ordo/internal/psp"
)

const (
	// The breaker opens when half of the calls of the last failureWindow ended unknown, and there were enough of them to
	// mean something: a few orders whose payment method misbehaves are no reason to stop all others.
	failureRate   = 0.5
	failureCalls  = 20
	failureWindow = 10 * time.Second

	// An open breaker tries again after about pause, with up to trials calls at once, and closes when trialsPassed of them
	// are answered. The pause is as long as a call may take: those that were under way have ended by then.
	pause        = psp.DefaultTimeout
	pauseJitter  = 0.2
	trials       = 5
	trialsPassed = 3

	// A call that failed at once (a connection was reset, a server is being replaced) is made again at once, but not by more
	// than a fifth of all calls: a provider in trouble is not helped by twice the load. All other retries go by the task.
	quickRetries  = 2
	quickWait     = 50 * time.Millisecond
	quickWaitMost = 500 * time.Millisecond
	quickJitter   = 0.3
	quickShare    = 0.2
	quickAtLeast  = 2
)

// guard stands before a provider: it repeats calls that failed at once, and keeps calls back from a provider that
// answers too few of them.
type guard struct {
	Provider
	breaker circuitbreaker.CircuitBreaker[psp.Answer]
	calls   failsafe.Executor[psp.Answer]
}

func newGuard(p Provider, pause time.Duration) *guard {
	breaker := circuitbreaker.NewBuilder[psp.Answer]().
		HandleIf(func(_ psp.Answer, err error) bool { return unanswered(err) }).
		WithFailureRateThreshold(failureRate, failureCalls, failureWindow).
		WithDelay(pause).WithJitterFactor(pauseJitter).
		WithSuccessThresholdRatio(trialsPassed, trials).
		Build()
	retry := retrypolicy.NewBuilder[psp.Answer]().
		HandleIf(func(_ psp.Answer, err error) bool { return failedAtOnce(err) }).
		WithMaxRetries(quickRetries).ReturnLastFailure().
		WithBackoff(quickWait, quickWaitMost).WithJitterFactor(quickJitter).
		WithBudget(budget.NewBuilder().WithMaxRate(quickShare).WithMinConcurrency(quickAtLeast).Build()).
		Build()
	return &guard{Provider: p, breaker: breaker, calls: failsafe.With(retry, breaker)}
}

// Authorize implements Provider. While the breaker is open, the error is a *pausedError.
func (g *guard) Authorize(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
	return g.call(ctx, func() (psp.Answer, error) { return g.Provider.Authorize(ctx, r) })
}

// Do implements Provider, like Authorize.
func (g *guard) Do(ctx context.Context, r psp.VerbRequest) (psp.Answer, error) {
	return g.call(ctx, func() (psp.Answer, error) { return g.Provider.Do(ctx, r) })
}

// Query implements Provider, like Authorize.
func (g *guard) Query(ctx context.Context, key string) (psp.Answer, error) {
	return g.call(ctx, func() (psp.Answer, error) { return g.Provider.Query(ctx, key) })
}

func (g *guard) call(ctx context.Context, do func() (psp.Answer, error)) (psp.Answer, error) {
	var last error // of the provider: more telling than that of whoever kept back the next call
	answer, err := g.calls.WithContext(ctx).Get(func() (psp.Answer, error) {
		answer, err := do()
		last = err
		return answer, err
	})
	switch {
	case last != nil && err != nil:
		return nil, last
	case errors.Is(err, circuitbreaker.ErrOpen):
		return nil, &pausedError{For: g.breaker.RemainingDelay()}
	}
	return answer, err
}

// room is how many of n calls may begin now, and if none, in how long some may.
func (g *guard) room(n int) (calls int, in time.Duration) {
	if g.breaker.IsClosed() {
		return n, 0
	}
	if in := g.breaker.RemainingDelay(); in > 0 {
		return 0, in
	}
	return min(n, trials), 0
}

// status is why calls are kept back, nil if they are not.
func (g *guard) status() error {
	if g.breaker.IsClosed() {
		return nil
	}
	m := g.breaker.Metrics()
	text := fmt.Sprintf("the payment provider left %d of %d calls without an answer", m.Failures(), m.Executions())
	if in := g.breaker.RemainingDelay(); in > 0 {
		return fmt.Errorf("%s: paused, next trial in %s; orders are accepted, their payments wait", text, in.Round(100*time.Millisecond))
	}
	return fmt.Errorf("%s: being tried again; orders are accepted, most of their payments wait", text)
}

// pausedError says that a call was not made, because too few of those before were answered.
type pausedError struct {
	For time.Duration
}

func (e *pausedError) Error() string {
	return "not called: the payment provider answers too few calls"
}

// unanswered tells whether a call speaks against the provider. A definite no, or that a request is wrong, is an answer; that
// we stopped waiting because we were told to stop says nothing.
func unanswered(err error) bool {
	_, unknown := errors.AsType[*psp.UnknownError](err)
	return unknown && !errors.Is(err, context.Canceled)
}

// failedAtOnce tells whether a call ended unknown, without much waiting and without being told to wait.
func failedAtOnce(err error) bool {
	unknown, ok := errors.AsType[*psp.UnknownError](err)
	return ok && !unknown.TimedOut() && unknown.RetryAfter == 0 && !errors.Is(err, context.Canceled)
}
