package psp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DefaultTimeout bounds one call. It is longer than the slowest provider that still answers (the simulator's pm_slow
// takes 3 s), so that only calls which are really lost end as unknown.
const DefaultTimeout = 5 * time.Second

// ClientConfig says where the provider is and how long to wait for it.
type ClientConfig struct {
	BaseURL   string            // base address, as in "http://127.0.0.1:9090"; required
	Timeout   time.Duration     // of one call, body included; 0 = DefaultTimeout. At the limit: *UnknownError
	Transport http.RoundTripper // nil = a pool of the client's own; to add tracing, pass a wrapped one
}

func (c *ClientConfig) validate() (*url.URL, error) {
	base, err := url.Parse(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("payment provider: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("payment provider: %q is not an http or https base address", c.BaseURL)
	}
	if c.Timeout < 0 {
		return nil, fmt.Errorf("payment provider: timeout %s is negative", c.Timeout)
	}
	return base, nil
}

// Client calls the provider. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// NewClient returns a client; it does not connect yet.
func NewClient(cfg ClientConfig) (*Client, error) {
	base, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Transport == nil {
		// Not the default transport: its connections are shared with strangers and would outlive Close.
		cfg.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			MaxIdleConnsPerHost: 256, // default 2: most of the calls that a worker has open at once would need a new connection
			IdleConnTimeout:     90 * time.Second,
		}
	}
	return &Client{
		base: strings.TrimSuffix(base.String(), "/"),
		http: &http.Client{
			Transport: cfg.Transport,
			Timeout:   cfg.Timeout,
			// A redirect could carry the order's data, or the charge, to somebody else. It is an answer nobody can use.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close lets idle connections go. Calls in flight are not touched.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// AuthorizeRequest asks the provider to hold an amount.
type AuthorizeRequest struct {
	Key      string // idempotency key: printable ASCII, at most 255 bytes. One key, one intent, for ever
	OrderID  string
	Amount   int64 // in minor units
	Currency string
	Method   string
}

// VerbRequest asks the provider to do something about an authorisation, for the whole of its amount.
type VerbRequest struct {
	Key             string // idempotency key, as of an AuthorizeRequest
	Kind            Kind   // KindCapture, KindVoid or KindRefund
	AuthorizationID string
	OrderID         string
	Amount          int64
	Currency        string
}

// Answer is what the provider definitely said: [Authorized], [Done] or [Declined].
//
//sumtype:decl
type Answer interface {
	isAnswer()
}

// Authorized says that the provider holds the money.
type Authorized struct {
	AuthorizationID string // the provider's
}

// Done says that a verb on an authorisation is done: the money is taken, let go or given back.
type Done struct {
	Kind Kind
}

// Declined says that the provider refused: nothing is held that was not before, and nothing that was is changed.
type Declined struct {
	Reason string // the provider's code, as in "insufficient_funds"
}

func (Authorized) isAnswer() {}
func (Done) isAnswer()       {}
func (Declined) isAnswer()   {}

// Authorize asks the provider to hold the amount: the answer is [Authorized] or [Declined]. Called again with the same
// request, it gets the same answer and nothing is held twice. Errors: *[UnknownError], also when ctx ends, and
// *[RequestError].
func (c *Client) Authorize(ctx context.Context, r AuthorizeRequest) (Answer, error) {
	want := Request{OrderID: r.OrderID, Amount: r.Amount, Currency: r.Currency, Method: r.Method}
	return c.post(ctx, r.Key, pathAuthorizations, intent{kind: KindAuthorize, request: want})
}

// Do asks for a verb on an authorisation: the answer is [Done] or [Declined]. Repeats and errors are like those of
// Authorize.
func (c *Client) Do(ctx context.Context, r VerbRequest) (Answer, error) {
	want := Request{OrderID: r.OrderID, Amount: r.Amount, Currency: r.Currency}
	return c.post(ctx, r.Key, pathVerb(r.AuthorizationID, r.Kind), intent{r.Kind, r.AuthorizationID, want})
}

func (c *Client) post(ctx context.Context, key, path string, want intent) (Answer, error) {
	op := string(want.kind)
	body, err := json.Marshal(want.request)
	if err != nil {
		return nil, &RequestError{Op: op, Key: key, Code: CodeInvalidRequest, Message: err.Error()}
	}
	got, err := c.call(ctx, op, key, http.MethodPost, path, body)
	if err != nil {
		return nil, err
	}
	if got.intent() != want {
		return nil, &UnknownError{Op: op, Key: key, Err: errors.New("the answer is about another request")}
	}
	return got.answer(op)
}

// Query asks what became of the request with this key. Errors: *[NotFoundError], *[UnknownError], also when ctx ends, and
// *[RequestError].
func (c *Client) Query(ctx context.Context, key string) (Answer, error) {
	const op = "query"
	got, err := c.call(ctx, op, key, http.MethodGet, pathOperations+"?"+url.Values{"key": {key}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return got.answer(op)
}

// call makes one request and returns the operation it was answered with, which is about key.
func (c *Client) call(ctx context.Context, op, key, method, path string, body []byte) (Operation, error) {
	unknown := func(err error) (Operation, error) {
		return Operation{}, &UnknownError{Op: op, Key: key, Err: err}
	}
	if err := checkKey(key); err != nil {
		return Operation{}, &RequestError{Op: op, Key: key, Code: CodeInvalidRequest, Message: err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return unknown(err)
	}
	req.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(headerKey, key) // also tells net/http that a connection that died idle may be replaced and the call repeated
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unknown(err)
	}
	defer resp.Body.Close()                                                //nolint:errcheck // nothing is left to lose
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1)) // + 1 tells a full body from one that is too large
	if err != nil {
		return unknown(fmt.Errorf("read the answer: %w", err))
	}
	if len(answer) > maxAnswerBytes {
		return unknown(fmt.Errorf("the answer is larger than %d bytes", maxAnswerBytes))
	}
	if resp.StatusCode != http.StatusOK {
		return Operation{}, rejection(op, key, resp, answer)
	}
	if mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return unknown(fmt.Errorf("the answer is not JSON but %q", resp.Header.Get("Content-Type"))) // of whatever stands between
	}
	var got Operation
	if err := json.Unmarshal(answer, &got); err != nil {
		return unknown(fmt.Errorf("decode the answer: %w", err))
	}
	if got.Key != key {
		return unknown(errors.New("the answer is about another key"))
	}
	return got, nil
}

// rejection turns an answer that is not a 200 into an error. Only an answer that names a known mistake in the provider's
// own words proves anything: a bare 400 or 404 may come from whatever stands between.
func rejection(op, key string, resp *http.Response, answer []byte) error {
	var body errorBody
	if err := json.Unmarshal(answer, &body); err != nil {
		body = errorBody{}
	}
	status, code := resp.StatusCode, body.Error.Code
	unknown := &UnknownError{Op: op, Key: key, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	switch {
	case status == http.StatusBadRequest && code == CodeInvalidRequest,
		status == http.StatusUnprocessableEntity && code == CodeKeyReused:
		return &RequestError{Op: op, Key: key, Code: code, Message: body.Error.Message}
	case status == http.StatusNotFound && code == codeUnknownKey && op == "query":
		return &NotFoundError{Key: key}
	case code != "":
		unknown.Err = fmt.Errorf("status %d: %s: %s", status, code, body.Error.Message)
	default:
		unknown.Err = fmt.Errorf("status %d", status)
	}
	return unknown
}

// retryAfter reads the header of that name: seconds, or a moment. What is neither asks for nothing.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// answer reads the outcome. An operation without one, such as an error in the body of a 200, proves nothing.
func (o *Operation) answer(op string) (Answer, error) {
	switch {
	case o.Kind.success() == "":
	case o.Status == StatusDeclined && o.Reason != "":
		return Declined{Reason: o.Reason}, nil
	case o.Status != o.Kind.success() || o.AuthorizationID == "":
	case o.Kind == KindAuthorize:
		return Authorized{AuthorizationID: o.AuthorizationID}, nil
	default:
		return Done{Kind: o.Kind}, nil
	}
	return nil, &UnknownError{Op: op, Key: o.Key, Err: fmt.Errorf("the answer says neither yes nor no (kind %q, status %q)", o.Kind, o.Status)}
}
