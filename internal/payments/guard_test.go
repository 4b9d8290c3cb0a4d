package payments

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ordo-platform/ordo/internal/psp"
)

// patient is a provider that does what it is told, and counts.
type patient struct {
	mu     sync.Mutex
	calls  int
	answer func(n int) (psp.Answer, error) // to the n-th call, from 1
}

func (p *patient) Authorize(context.Context, psp.AuthorizeRequest) (psp.Answer, error) {
	p.mu.Lock()
	p.calls++
	n := p.calls
	p.mu.Unlock()
	return p.answer(n)
}

func (p *patient) Query(ctx context.Context, _ string) (psp.Answer, error) {
	return p.Authorize(ctx, psp.AuthorizeRequest{})
}

func (p *patient) Do(ctx context.Context, _ psp.VerbRequest) (psp.Answer, error) {
	return p.Authorize(ctx, psp.AuthorizeRequest{})
}

var (
	authorized = psp.Authorized{AuthorizationID: "a"}
	errTimeout = &psp.UnknownError{Op: "authorize", Key: "k", Err: context.DeadlineExceeded}
	errReset   = &psp.UnknownError{Op: "authorize", Key: "k", Err: errors.New("connection reset")}
)

func fails(err error) func(int) (psp.Answer, error) {
	return func(int) (psp.Answer, error) { return nil, err }
}

func ask(t *testing.T, g *guard) (psp.Answer, error) {
	t.Helper()
	return g.Authorize(t.Context(), psp.AuthorizeRequest{Key: "k"})
}

// A provider that leaves half of its calls unanswered is left alone for a while, then tried, and called again when it answers.
func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &patient{answer: func(n int) (psp.Answer, error) {
			if n%2 == 0 {
				return nil, errTimeout
			}
			return authorized, nil
		}}
		g := newGuard(p, pause)
		for range failureCalls {
			if room, _ := g.room(64); room != 64 || g.status() != nil {
				t.Fatalf("after %d calls there is room for %d: %v", p.calls, room, g.status())
			}
			_, _ = ask(t, g)
		}
		room, in := g.room(64)
		if room != 0 || in < 4*time.Second || in > 6*time.Second || g.status() == nil {
			t.Fatalf("room for %d in %s: %v", room, in, g.status())
		}
		_, err := ask(t, g)
		if paused, ok := errors.AsType[*pausedError](err); !ok || paused.For != in || p.calls != failureCalls {
			t.Fatalf("call %d: %v", p.calls, err)
		}

		time.Sleep(in) //nolint:forbidigo // time is not real here
		p.answer = fails(errTimeout)
		if room, _ := g.room(64); room != trials {
			t.Fatalf("room for %d trials", room)
		}
		for g.breaker.RemainingDelay() == 0 {
			_, _ = ask(t, g)
		}
		if made := p.calls - failureCalls; made > trials {
			t.Errorf("%d trials failed before it was paused again", made)
		}

		_, in = g.room(64)
		time.Sleep(in) //nolint:forbidigo // time is not real here
		p.answer = func(int) (psp.Answer, error) { return authorized, nil }
		for range trialsPassed {
			if _, err := ask(t, g); err != nil {
				t.Fatal(err)
			}
		}
		if room, _ := g.room(64); room != 64 || g.status() != nil {
			t.Errorf("answers again, but there is room for %d: %v", room, g.status())
		}
	})
}

// What the provider says, be it no, and what we give up ourselves does not speak against it.
func TestBreakerTakesAnswersForAnswers(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"declined":  nil,
		"rejected":  &psp.RequestError{Op: "authorize", Key: "k", Code: psp.CodeInvalidRequest},
		"not found": &psp.NotFoundError{Key: "k"},
		"gave up":   &psp.UnknownError{Op: "authorize", Key: "k", Err: context.Canceled},
	} {
		p := &patient{answer: func(int) (psp.Answer, error) { return psp.Declined{Reason: "no"}, err }}
		g := newGuard(p, pause)
		for range 3 * failureCalls {
			_, _ = ask(t, g)
		}
		if g.status() != nil || p.calls != 3*failureCalls {
			t.Errorf("%s: %v after %d calls", name, g.status(), p.calls)
		}
	}
}

// A reset connection is no reason to put a payment off; a call that timed out, or a provider that asks for a pause, is.
func TestQuickRetries(t *testing.T) {
	t.Parallel()
	later := &psp.UnknownError{Op: "authorize", Key: "k", Err: errors.New("status 429"), RetryAfter: time.Second}
	for _, c := range []struct {
		name  string
		fails int
		err   error
		calls int
		ok    bool
	}{
		{"reset once", 1, errReset, 2, true},
		{"reset twice", 2, errReset, 3, true},
		{"reset for ever", 99, errReset, 3, false},
		{"timed out", 1, errTimeout, 1, false},
		{"asked to wait", 1, later, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &patient{answer: func(n int) (psp.Answer, error) {
					if n <= c.fails {
						return nil, c.err
					}
					return authorized, nil
				}}
				answer, err := ask(t, newGuard(p, pause))
				if (err == nil) != c.ok || p.calls != c.calls || (c.ok && answer != authorized) || (!c.ok && !errors.Is(err, c.err)) {
					t.Errorf("%v, %v after %d calls", answer, err, p.calls)
				}
			})
		})
	}
}

// When everything fails, the quick retries add no more than their share.
func TestQuickRetriesHaveABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := &patient{answer: func(n int) (psp.Answer, error) {
			if n <= failureCalls-1 { // the breaker must not be what holds back
				return nil, errReset
			}
			<-release
			return nil, errReset
		}}
		g := newGuard(p, pause)
		var all sync.WaitGroup
		for range failureCalls - 1 {
			all.Go(func() { _, _ = ask(t, g) })
		}
		time.Sleep(time.Minute) //nolint:forbidigo // time is not real here
		synctest.Wait()
		if again := p.calls - (failureCalls - 1); again < 1 || again > failureCalls/4 {
			t.Errorf("%d calls were made again", again)
		}
		close(release)
		all.Wait()
	})
}
