package payments_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/payments"
	"github.com/ordo-platform/ordo/internal/psp"
)

// simulator serves a payment provider and returns a client that waits for it for a moment only.
func simulator(t *testing.T) (*psp.Simulator, *psp.Client) {
	t.Helper()
	s, err := psp.NewSimulator(psp.SimulatorConfig{LedgerFile: filepath.Join(t.TempDir(), "ledger.jsonl"), SlowDelay: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	client, err := psp.NewClient(psp.ClientConfig{BaseURL: server.URL, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.CloseClientConnections() // ends the calls that hang
		server.Close()
		_ = s.Close()
	})
	return s, client
}

// do executes a command on the log, whose writer must run.
func (f *fixture) do(t *testing.T, c payment.Command) {
	t.Helper()
	_, err := command.Execute(t.Context(), command.New(f.store, payments.Tasks), payment.Decider, command.Call[payment.State, payment.Command]{Command: c})
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
}

// writing runs the log's writer until the test ends.
func (f *fixture) writing(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.store.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (f *fixture) becomes(t *testing.T, order string, want payment.Status) {
	t.Helper()
	eventually(t, 40*time.Second, fmt.Sprintf("%s is %s", order, want), func() bool { return f.payment(t, order).Status == want })
}

// Every way a payment can go, with a provider that behaves and with ones that do not: each thing is done once, by the
// provider's own books, and no task is left.
func TestEveryCallWithEveryProvider(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		ask  []func(order string) payment.Command
		then []payment.Status
		does []psp.Kind
	}{
		"captured": {
			ask:  []func(string) payment.Command{capture},
			then: []payment.Status{payment.StatusCaptured},
			does: []psp.Kind{psp.KindAuthorize, psp.KindCapture},
		},
		"voided": {
			ask:  []func(string) payment.Command{undo},
			then: []payment.Status{payment.StatusVoided},
			does: []psp.Kind{psp.KindAuthorize, psp.KindVoid},
		},
		"refunded": {
			ask:  []func(string) payment.Command{capture, undo},
			then: []payment.Status{payment.StatusCaptured, payment.StatusRefunded},
			does: []psp.Kind{psp.KindAuthorize, psp.KindCapture, psp.KindRefund},
		},
	}
	f := setup(t)
	s, client := simulator(t)
	f.writing(t)
	f.work(t, client)
	for _, method := range []string{psp.MethodOK, psp.MethodSlow, psp.MethodFlaky, psp.MethodErrorAfterCharge, psp.MethodHang} {
		for name, way := range ways {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				order := method + "_" + name
				f.do(t, request(order, method))
				f.becomes(t, order, payment.StatusAuthorized)
				for i, ask := range way.ask {
					f.do(t, ask(order))
					f.becomes(t, order, way.then[i])
				}
				var did []psp.Kind
				for _, o := range s.Ledger() {
					if o.Request.OrderID == order {
						did = append(did, o.Kind)
					}
				}
				if !slices.Equal(did, way.does) {
					t.Errorf("the provider did %v, want %v", did, way.does)
				}
				f.nothingToDo(t, order)
			})
		}
	}
}

// An undo that comes while nobody knows whether the money is held waits for the answer, and then lets it go: the late
// success undoes itself.
func TestALateAuthorizationUndoesItself(t *testing.T) {
	t.Parallel()
	f := setup(t)
	s, client := simulator(t)
	f.writing(t)
	f.do(t, request("late", psp.MethodHang))
	f.do(t, undo("late"))
	f.work(t, client)
	f.becomes(t, "late", payment.StatusVoided)
	if l := s.Ledger(); len(l) != 2 || l[0].Kind != psp.KindAuthorize || l[1].Status != psp.StatusVoided {
		t.Errorf("the provider's books: %+v", l)
	}
	f.nothingToDo(t, "late")
}

// A worker that was killed between the intent and its outcome, after the provider had done it, leaves nothing but a claim. The
// next one finds it although nothing tells it to, asks what became of the call, and records that: the money is held once.
func TestAnIntentLeftOpenIsSettled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	s, client := simulator(t)
	ids := orders(3)
	f.request(t, 100, ids...)
	claimed, err := f.store.ClaimTasks(t.Context(), payments.CallTask, len(ids), 300*time.Millisecond)
	if err != nil || len(claimed) != len(ids) {
		t.Fatalf("claimed %+v, %v", claimed, err)
	}
	for _, id := range ids {
		_, err := client.Authorize(t.Context(), psp.AuthorizeRequest{
			Key: f.payment(t, id).Open.Key, OrderID: id, Amount: 100, Currency: "EUR", Method: psp.MethodOK,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	f.work(t, client) // the log's writer does not run: nobody appends, so nothing wakes the worker
	eventually(t, 40*time.Second, "all are settled", f.settled(t, ids))
	if l := s.Ledger(); len(l) != len(ids) {
		t.Errorf("the provider's books: %+v", l)
	}
	for _, id := range ids {
		f.nothingToDo(t, id)
	}
}

// A call that is put off is made at once when somebody wants it again, and under the same key.
func TestARetryIsNotPutOff(t *testing.T) {
	t.Parallel()
	f := setup(t)
	s, client := simulator(t)
	f.writing(t)
	f.do(t, request("stuck", psp.MethodOK))
	claimed, err := f.store.ClaimTasks(t.Context(), payments.CallTask, 1, time.Minute)
	if err != nil || len(claimed) != 1 {
		t.Fatalf("claimed %+v, %v", claimed, err)
	}
	if err := f.store.RetryTask(t.Context(), claimed[0], time.Hour); err != nil {
		t.Fatal(err)
	}
	f.work(t, client)
	f.do(t, payment.Undo{OrderID: "stuck", Attempt: 1, At: time.Now()}) // waits for what becomes of the call
	if l := s.Ledger(); len(l) != 0 {
		t.Fatalf("the provider was called: %+v", l)
	}
	f.do(t, payment.Undo{OrderID: "stuck", Attempt: 2, At: time.Now()})
	f.becomes(t, "stuck", payment.StatusVoided)
	if l := s.Ledger(); len(l) != 2 || l[0].Key != "authorize-stuck" || l[1].Status != psp.StatusVoided {
		t.Errorf("the provider's books: %+v", l)
	}
}

// What the provider refuses is recorded as refused, and what it says is so already as done.
func TestRefusals(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, client := simulator(t)
	f.writing(t)
	f.work(t, client)
	for _, order := range []string{"voided-there", "captured-there"} {
		f.do(t, request(order, psp.MethodOK))
		f.becomes(t, order, payment.StatusAuthorized)
	}
	there := func(kind psp.Kind, order string) { // somebody acts at the provider's
		t.Helper()
		answer, err := client.Do(t.Context(), psp.VerbRequest{
			Key: "by-hand-" + order, Kind: kind, AuthorizationID: f.payment(t, order).AuthorizationID, OrderID: order, Amount: 100, Currency: "EUR",
		})
		if answer != (psp.Done{Kind: kind}) || err != nil {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	there(psp.KindVoid, "voided-there")
	f.do(t, undo("voided-there"))
	f.becomes(t, "voided-there", payment.StatusVoided)

	there(psp.KindCapture, "captured-there")
	f.do(t, undo("captured-there"))
	eventually(t, 10*time.Second, "the refusal is recorded", func() bool {
		p := f.payment(t, "captured-there")
		return p.Status == payment.StatusVoiding && p.Open == payment.Intent{}
	})
	f.nothingToDo(t, "captured-there")
}

// A request that the provider rejects as wrong in itself is declined; it is not asked for ever.
func TestAWrongRequestIsDeclined(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.request(t, 100, "wrong")
	f.work(t, &provider{authorize: func(_ context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
		return nil, &psp.RequestError{Op: "authorize", Key: r.Key, Code: psp.CodeInvalidRequest, Message: "no such currency"}
	}})
	f.becomes(t, "wrong", payment.StatusDeclined)
}

func (f *fixture) nothingToDo(t *testing.T, order string) {
	t.Helper()
	var tasks int
	if err := f.pool.QueryRow(t.Context(), "SELECT count(*) FROM tasks WHERE key = $1", order).Scan(&tasks); err != nil || tasks != 0 {
		t.Errorf("%s has %d tasks left: %v", order, tasks, err)
	}
}

func capture(order string) payment.Command {
	return payment.Capture{OrderID: order, Attempt: 1, At: time.Now()}
}

func undo(order string) payment.Command {
	return payment.Undo{OrderID: order, Attempt: 1, At: time.Now()}
}
