package client

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Retry bounds how a command is repeated that may be.
type Retry struct {
	Attempts int           // in all; default 5
	Wait     time.Duration // before the second attempt, doubled each time; default 200 ms: 3 s in all
	MaxWait  time.Duration // give up when the server asks for a longer wait (Retry-After); default 10 s

	// Notify, if set, is told about each failed attempt that will be repeated, before the wait.
	Notify func(err error, wait time.Duration)
}

func (r Retry) withDefaults() Retry {
	if r.Attempts == 0 {
		r.Attempts = 5
	}
	if r.Wait == 0 {
		r.Wait = 200 * time.Millisecond
	}
	if r.MaxWait == 0 {
		r.MaxWait = 10 * time.Second
	}
	if r.Notify == nil {
		r.Notify = func(error, time.Duration) {}
	}
	return r
}

// sendUntilAnswered repeats a request that carries an idempotency key, or asks for what is done once anyway, so that
// repeating it is safe whatever became of the attempt before.
func (c *Client) sendUntilAnswered(ctx context.Context, r request) (response, error) {
	wait := c.retry.Wait
	for attempt := 1; ; attempt++ {
		res, err := c.send(ctx, r)
		if err == nil || !Temporary(err) || attempt == c.retry.Attempts {
			return res, err
		}
		pause := min(wait, c.retry.MaxWait)
		if asked := askedWait(err); asked >= 0 {
			pause = asked
		}
		if pause > c.retry.MaxWait {
			return res, err
		}
		c.retry.Notify(err, pause)
		select {
		case <-ctx.Done():
			return response{}, ctx.Err()
		case <-time.After(pause):
		}
		wait *= 2
	}
}

// Temporary tells whether the same request can be answered differently a little later.
func Temporary(err error) bool {
	var unreachable *UnreachableError
	var problem *ProblemError
	var unexpected *UnexpectedAnswerError
	switch {
	case errors.As(err, &unreachable):
		return true
	case errors.As(err, &problem):
		// The attempt before may still run when its answer did not come in time.
		return problem.Code == "idempotency_in_progress" || temporaryStatus(problem.Status)
	case errors.As(err, &unexpected): // of a proxy before our API
		return temporaryStatus(unexpected.Status)
	}
	return false
}

func temporaryStatus(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// askedWait is how long the server asked to wait, negative if it did not ask.
func askedWait(err error) time.Duration {
	if problem, ok := errors.AsType[*ProblemError](err); ok {
		return problem.RetryAfter
	}
	if unexpected, ok := errors.AsType[*UnexpectedAnswerError](err); ok {
		return unexpected.RetryAfter
	}
	return -1
}
