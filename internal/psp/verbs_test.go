package psp

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// verb is a request about the authorisation that request(order, …) made.
func verb(k Kind, order string) VerbRequest {
	r := request(order, "")
	return VerbRequest{
		Key: fmt.Sprintf("%s-%s", k, order), Kind: k, AuthorizationID: authorizationID(r.Key), OrderID: r.OrderID, Amount: r.Amount, Currency: r.Currency,
	}
}

func mustHold(t *testing.T, client *Client, order, method string) {
	t.Helper()
	for range 3 {
		if answer, err := client.Authorize(t.Context(), request(order, method)); err == nil {
			mustAuthorized(t, order, answer, err)
			return
		}
	}
	answer, err := client.Query(t.Context(), order)
	mustAuthorized(t, order, answer, err)
}

// What each verb comes to after each other: money is taken or let go at most once, and given back only if it was taken.
func TestVerbs(t *testing.T) {
	t.Parallel()
	done := func(k Kind) Answer { return Done{k} }
	no := func(reason string) Answer { return Declined{reason} }
	capture, void, refund := KindCapture, KindVoid, KindRefund
	for _, c := range []struct {
		before []Kind
		verb   Kind
		want   Answer
	}{
		{nil, capture, done(capture)},
		{nil, void, done(void)},
		{nil, refund, no(ReasonNotCaptured)},
		{[]Kind{capture}, capture, no(ReasonAlreadyCaptured)},
		{[]Kind{capture}, void, no(ReasonAlreadyCaptured)},
		{[]Kind{capture}, refund, done(refund)},
		{[]Kind{void}, capture, no(ReasonAlreadyVoided)},
		{[]Kind{void}, void, no(ReasonAlreadyVoided)},
		{[]Kind{void}, refund, no(ReasonAlreadyVoided)},
		{[]Kind{capture, refund}, capture, no(ReasonAlreadyRefunded)},
		{[]Kind{capture, refund}, void, no(ReasonAlreadyRefunded)},
		{[]Kind{capture, refund}, refund, no(ReasonAlreadyRefunded)},
	} {
		t.Run(fmt.Sprint(c.before, c.verb), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "ledger.jsonl")
			s, client := setup(t, SimulatorConfig{LedgerFile: file}, 0)
			mustHold(t, client, "o", MethodOK)
			for _, k := range c.before {
				if answer, err := client.Do(t.Context(), verb(k, "o")); answer != done(k) {
					t.Fatalf("%s: %v, %v", k, answer, err)
				}
			}
			_ = s.Close()
			_, client = setup(t, SimulatorConfig{LedgerFile: file}, 0) // all it knows is in the ledger
			last := verb(c.verb, "o")
			last.Key = "another-key"
			for range 2 {
				if answer, err := client.Do(t.Context(), last); answer != c.want || err != nil {
					t.Errorf("got %v, %v; want %v", answer, err, c.want)
				}
			}
			if answer, err := client.Query(t.Context(), last.Key); answer != c.want || err != nil {
				t.Errorf("query: got %v, %v; want %v", answer, err, c.want)
			}
		})
	}
}

// A verb is delivered as badly as the authorisation it is about, and done once.
func TestVerbsMisbehaveAsTheirMethod(t *testing.T) {
	t.Parallel()
	for method, unknown := range map[string]int{MethodOK: 0, MethodSlow: 0, MethodFlaky: 2, MethodErrorAfterCharge: 1} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s, client := setup(t, SimulatorConfig{SlowDelay: time.Millisecond}, 0)
			mustHold(t, client, "o", method)
			for range unknown {
				answer, err := client.Do(t.Context(), verb(KindCapture, "o"))
				mustUnknown(t, answer, err)
			}
			if answer, err := client.Do(t.Context(), verb(KindCapture, "o")); answer != (Done{KindCapture}) || err != nil {
				t.Errorf("got %v, %v", answer, err)
			}
			if n := len(s.Ledger()); n != 2 {
				t.Errorf("the ledger has %d operations", n)
			}
		})
	}
	t.Run(MethodHang, func(t *testing.T) {
		t.Parallel()
		_, client := setup(t, SimulatorConfig{}, 50*time.Millisecond)
		mustHold(t, client, "o", MethodHang)
		answer, err := client.Do(t.Context(), verb(KindVoid, "o"))
		mustUnknown(t, answer, err)
		if answer, err := client.Query(t.Context(), verb(KindVoid, "o").Key); answer != (Done{KindVoid}) || err != nil {
			t.Errorf("query: got %v, %v", answer, err)
		}
	})
}

func TestVerbsCheckTheirRequest(t *testing.T) {
	t.Parallel()
	s, client := setup(t, SimulatorConfig{}, 0)
	mustHold(t, client, "o", MethodOK)
	other := verb(KindCapture, "o")
	other.AuthorizationID = "auth_of_somebody"
	if answer, err := client.Do(t.Context(), other); answer != (Declined{ReasonUnknownAuthorization}) || err != nil {
		t.Errorf("unknown authorisation: %v, %v", answer, err)
	}
	for _, change := range []func(*VerbRequest){
		func(r *VerbRequest) { r.Amount++ },
		func(r *VerbRequest) { r.Currency = "USD" },
		func(r *VerbRequest) { r.OrderID = "another" },
	} {
		r := verb(KindVoid, "o")
		change(&r)
		_, err := client.Do(t.Context(), r)
		if rejected := (*RequestError)(nil); !errors.As(err, &rejected) || rejected.Code != CodeInvalidRequest {
			t.Errorf("%+v: %v", r, err)
		}
	}
	reused := verb(KindVoid, "o")
	reused.Key = "o" // of the authorisation
	_, err := client.Do(t.Context(), reused)
	if rejected := (*RequestError)(nil); !errors.As(err, &rejected) || rejected.Code != CodeKeyReused {
		t.Errorf("reused key: %v", err)
	}
	if n := len(s.Ledger()); n != 2 { // the authorisation, and the refusal of somebody's
		t.Errorf("the ledger has %d operations", n)
	}
}

// An answer about another verb, or another authorisation, proves nothing.
func TestVerbsUnknown(t *testing.T) {
	t.Parallel()
	const order = "order-of-o"
	honest := Operation{
		Seq: 2, Key: verb(KindCapture, "o").Key, Kind: KindCapture, Status: StatusCaptured, AuthorizationID: authorizationID("o"),
		Request: Request{OrderID: order, Amount: 1990, Currency: "EUR"},
	}
	for name, change := range map[string]func(*Operation){
		"another verb":          func(o *Operation) { o.Kind, o.Status = KindVoid, StatusVoided },
		"another authorisation": func(o *Operation) { o.AuthorizationID = "auth_2" },
		"another amount":        func(o *Operation) { o.Request.Amount = 1 },
		"another's outcome":     func(o *Operation) { o.Status = StatusVoided },
		"no reason":             func(o *Operation) { o.Status = StatusDeclined },
	} {
		body := operation("o", func(o *Operation) { *o = honest; change(o) })
		client, _ := newClient(t, answers(http.StatusOK, body), 0)
		answer, err := client.Do(t.Context(), verb(KindCapture, "o"))
		if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) || !strings.HasPrefix(err.Error(), "capture capture-o") {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
	client, _ := newClient(t, answers(http.StatusOK, operation("o", func(o *Operation) { *o = honest })), 0)
	if answer, err := client.Do(t.Context(), verb(KindCapture, "o")); answer != (Done{KindCapture}) || err != nil {
		t.Errorf("honest: %v, %v", answer, err)
	}
}

// While an order is under review every verb on it is declined, under a new key too, and nothing changes; afterwards the old
// key still has its old answer, and a new one is done.
func TestUnderReview(t *testing.T) {
	t.Parallel()
	s, client := setup(t, SimulatorConfig{}, 0)
	mustHold(t, client, "a", MethodOK)
	mustHold(t, client, "b", MethodOK)
	s.SetUnderReview(verb(KindVoid, "a").OrderID, true)
	do := func(key, order string, want Answer) {
		t.Helper()
		v := verb(KindVoid, order)
		v.Key = key
		if answer, err := client.Do(t.Context(), v); answer != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", key, answer, err, want)
		}
	}
	do("1", "a", Declined{ReasonUnderReview})
	do("2", "a", Declined{ReasonUnderReview})
	do("3", "b", Done{KindVoid})
	s.SetUnderReview(verb(KindVoid, "a").OrderID, false)
	do("1", "a", Declined{ReasonUnderReview})
	do("4", "a", Done{KindVoid})
}
