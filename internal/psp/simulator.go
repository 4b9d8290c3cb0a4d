package psp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// DefaultSlowDelay is how long the answer to pm_slow takes.
const DefaultSlowDelay = 3 * time.Second

// flakyFailures is how often a key with pm_flaky is answered 503.
const flakyFailures = 2

// SimulatorConfig says what the simulator remembers and how slow it is.
type SimulatorConfig struct {
	LedgerFile string        // JSON lines, one per operation, synced before the answer; "" = memory only
	SlowDelay  time.Duration // from the operation to the answer of pm_slow; 0 = DefaultSlowDelay
}

// Simulator is a payment provider. It is safe for concurrent use.
//
// Calls with pm_hang return only when their request's context ends. A server that shuts down gracefully must therefore
// end the requests' contexts (http.Server.BaseContext), or it waits for them.
type Simulator struct {
	slowDelay time.Duration
	routes    *http.ServeMux

	mu      sync.Mutex // held while a request is decided and stored, so that a key is decided once
	ledger  *ledger
	failing map[string]failing // keys that have been answered 503 and are not in the ledger yet
	reviews map[string]bool    // orders whose authorisations are under review
}

// failing is a request that has been turned away n times.
type failing struct {
	intent intent
	n      int
}

// intent is what a request wants done. A key belongs to one.
type intent struct {
	kind            Kind
	authorizationID string // empty for one that is to be made
	request         Request
}

func (o Operation) intent() intent {
	in := intent{o.Kind, o.AuthorizationID, o.Request}
	if o.Kind == KindAuthorize {
		in.authorizationID = ""
	}
	return in
}

// NewSimulator opens the ledger, and reads it back if it is a file. It listens nowhere: serve it with net/http.
func NewSimulator(cfg SimulatorConfig) (*Simulator, error) {
	if cfg.SlowDelay < 0 {
		return nil, fmt.Errorf("payment simulator: slow delay %s is negative", cfg.SlowDelay)
	}
	if cfg.SlowDelay == 0 {
		cfg.SlowDelay = DefaultSlowDelay
	}
	l, err := openLedger(cfg.LedgerFile)
	if err != nil {
		return nil, fmt.Errorf("payment simulator: %w", err)
	}
	s := &Simulator{slowDelay: cfg.SlowDelay, ledger: l, failing: make(map[string]failing), reviews: make(map[string]bool), routes: http.NewServeMux()}
	s.routes.HandleFunc("POST "+pathAuthorizations, s.serveAuthorize)
	for _, kind := range []Kind{KindCapture, KindVoid, KindRefund} {
		s.routes.HandleFunc("POST "+pathAuthorizations+"/{id}/"+string(kind), func(w http.ResponseWriter, r *http.Request) { s.serveVerb(w, r, kind) })
	}
	s.routes.HandleFunc("GET "+pathOperations, s.serveQuery)
	s.routes.HandleFunc("GET "+pathLedger, s.serveLedger)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Ledger returns every operation so far, oldest first. Unlike the ledger route it does not wait for the disk.
func (s *Simulator) Ledger() []Operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.all()
}

// SetUnderReview has every verb on the authorisation of an order declined for as long as it is under review, as providers do when
// they suspect something. It is a fault that no retry under the same key gets past.
func (s *Simulator) SetUnderReview(orderID string, under bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reviews[orderID] = under
}

// Close closes the ledger's file. Requests that come later and would be stored are answered 500.
func (s *Simulator) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.close()
}

func (s *Simulator) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, intent{kind: KindAuthorize})
}

func (s *Simulator) serveVerb(w http.ResponseWriter, r *http.Request, kind Kind) {
	s.serve(w, r, intent{kind: kind, authorizationID: r.PathValue("id")})
}

func (s *Simulator) serve(w http.ResponseWriter, r *http.Request, in intent) {
	key := r.Header.Get(headerKey)
	var err error
	if in.request, err = readRequest(w, r, key, in.kind); err != nil {
		writeError(w, err)
		return
	}
	o, method, isNew, err := s.do(key, in)
	if err != nil {
		writeError(w, err)
		return
	}
	switch {
	case o.Status == StatusDeclined:
		// A refusal is always delivered well.
	case method == MethodHang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // returning would be an empty 200
	case method == MethodSlow:
		// From the operation on, not from this call: whoever calls again later waits only for the rest.
		if wait(r.Context(), time.Until(o.At.Add(s.slowDelay))) != nil {
			panic(http.ErrAbortHandler)
		}
	case method == MethodErrorAfterCharge && isNew:
		writeError(w, &answerError{http.StatusInternalServerError, codeInternal, "something went wrong after it was done"})
		return
	}
	writeJSON(w, http.StatusOK, o)
}

// do decides a request once per key and stores the outcome. It returns the payment method it is about; isNew says that
// this call did it.
func (s *Simulator) do(key string, in intent) (o Operation, method string, isNew bool, err error) {
	if o, method, isNew, err = s.decideOnce(key, in); err != nil {
		return Operation{}, "", false, err
	}
	return o, method, isNew, s.stored(o)
}

// stored returns once an operation is on disk. Until then nobody may hear of it, whoever asks.
func (s *Simulator) stored(o Operation) error {
	if err := s.ledger.await(o.Seq); err != nil {
		return &answerError{http.StatusInternalServerError, codeInternal, err.Error()}
	}
	return nil
}

func (s *Simulator) decideOnce(key string, in intent) (o Operation, method string, isNew bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method, status, reason, err := s.decide(in)
	if err != nil {
		return Operation{}, "", false, err
	}
	if o, ok := s.ledger.find(key); ok {
		if o.intent() != in {
			return Operation{}, "", false, errKeyReused
		}
		return o, method, false, nil
	}
	if method == MethodFlaky {
		if err := s.failFirst(key, in); err != nil {
			return Operation{}, "", false, err
		}
	}
	o = Operation{
		At: time.Now().UTC(), Key: key, Kind: in.kind, Request: in.request, Status: status, AuthorizationID: in.authorizationID, Reason: reason,
	}
	if o.Kind == KindAuthorize && o.Status == StatusAuthorized {
		o.AuthorizationID = authorizationID(key)
	}
	o, err = s.ledger.append(o)
	if err != nil {
		return Operation{}, "", false, &answerError{http.StatusInternalServerError, codeInternal, err.Error()}
	}
	delete(s.failing, key)
	return o, method, true, nil
}

// decide is what a request would come to now. s.mu is held.
func (s *Simulator) decide(in intent) (method string, status Status, reason string, err error) {
	if in.kind == KindAuthorize {
		status, reason = decide(in.request.Method)
		return in.request.Method, status, reason, nil
	}
	held := s.ledger.holds[in.authorizationID]
	if held == nil {
		held = &hold{request: in.request}
	}
	if held.request.OrderID != in.request.OrderID || held.request.Amount != in.request.Amount || held.request.Currency != in.request.Currency {
		return "", "", "", invalid("the authorisation is of order %s, %d %s", held.request.OrderID, held.request.Amount, held.request.Currency)
	}
	if s.reviews[in.request.OrderID] {
		return held.request.Method, StatusDeclined, ReasonUnderReview, nil
	}
	status, reason = decideVerb(in.kind, held.status)
	return held.request.Method, status, reason, nil
}

// failFirst turns a key away until it has been turned away often enough. s.mu is held.
func (s *Simulator) failFirst(key string, in intent) error {
	f, ok := s.failing[key]
	if ok && f.intent != in {
		return errKeyReused
	}
	if f.n == flakyFailures {
		return nil
	}
	s.failing[key] = failing{in, f.n + 1}
	return &answerError{http.StatusServiceUnavailable, codeUnavailable, "try again"}
}

func (s *Simulator) serveQuery(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if err := checkKey(key); err != nil {
		writeError(w, invalid("%v", err))
		return
	}
	s.mu.Lock()
	o, ok := s.ledger.find(key)
	s.mu.Unlock()
	if !ok {
		writeError(w, &answerError{http.StatusNotFound, codeUnknownKey, "there is no operation under this key"})
		return
	}
	if err := s.stored(o); err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, o)
}

func (s *Simulator) serveLedger(w http.ResponseWriter, _ *http.Request) {
	all := s.Ledger()
	if len(all) > 0 {
		if err := s.stored(all[len(all)-1]); err != nil {
			writeError(w, err)
			return
		}
	}
	writeJSON(w, http.StatusOK, struct {
		Operations []Operation `json:"operations"`
	}{all})
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// readRequest reads and checks what was sent. It reads the body to its end, as net/http notices a client that leaves
// only after that.
func readRequest(w http.ResponseWriter, r *http.Request, key string, kind Kind) (Request, error) {
	if err := checkKey(key); err != nil {
		return Request{}, invalid("%v", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return Request{}, &answerError{http.StatusRequestEntityTooLarge, codeTooLarge, tooLarge.Error()}
	}
	if err != nil {
		return Request{}, invalid("read the body: %v", err)
	}
	var req Request
	if err := json.Unmarshal(body, &req); err != nil {
		return Request{}, invalid("decode the body: %v", err)
	}
	switch {
	case req.OrderID == "":
		return Request{}, invalid("order_id is missing")
	case req.Amount <= 0:
		return Request{}, invalid("amount %d is not positive", req.Amount)
	case !currencyCode.MatchString(req.Currency):
		return Request{}, invalid("currency %q is not an ISO 4217 code", req.Currency)
	case (req.Method == "") == (kind == KindAuthorize):
		return Request{}, invalid("payment_method belongs to an authorisation, and only there")
	}
	return req, nil
}

// authorizationID is derived from the key: no randomness, so a run can be repeated and compared.
func authorizationID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "auth_" + hex.EncodeToString(sum[:12])
}

// wait returns after d, or with the context's error when that ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answerError is an answer that is not a 200.
type answerError struct {
	status  int
	code    string
	message string
}

func (e *answerError) Error() string { return e.code + ": " + e.message }

var errKeyReused = &answerError{http.StatusUnprocessableEntity, CodeKeyReused, "the key belongs to a request with another body"}

func invalid(format string, args ...any) *answerError {
	return &answerError{http.StatusBadRequest, CodeInvalidRequest, fmt.Sprintf(format, args...)}
}

// writeError answers with an error; one that is no *answerError is a mistake here, and a 500.
func writeError(w http.ResponseWriter, err error) {
	answer := (*answerError)(nil)
	if !errors.As(err, &answer) {
		answer = &answerError{http.StatusInternalServerError, codeInternal, err.Error()}
	}
	var body errorBody
	body.Error.Code, body.Error.Message = answer.code, answer.message
	writeJSON(w, answer.status, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only when the client is gone
}
