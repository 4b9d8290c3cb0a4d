package client

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
	"strings"
	"time"
)

const (
	// DefaultTimeout bounds one request. A read with ?after= may wait up to 10 seconds on the server.
	DefaultTimeout = 15 * time.Second

	// maxBody bounds what is read of one answer; a full page of orders is far below it.
	maxBody = 16 << 20
)

// Config says where the API is and how patient the client is.
type Config struct {
	URL     string        // base address, http or https, with a path where a gateway puts one
	Timeout time.Duration // of one request, reading the answer included; default [DefaultTimeout]
	Retry   Retry

	Transport http.RoundTripper // what carries requests; default HTTP, with connections of its own
	Idle      int               // connections of the default transport that are kept for later requests; default 100
}

// Client makes requests to one API. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	http  *http.Client
	limit time.Duration
	retry Retry
}

// Answer is what the API answered.
type Answer[T any] struct {
	Value    T
	Body     json.RawMessage // as it came
	Position string          // of the answer (Ordo-Position): a read with it as "after" sees at least as much
	Replayed bool            // the command had been executed before, under the same key; this is its stored answer
	Stale    bool            // the read does not include yet what "after" asked for
}

// New checks the configuration; it makes no connection.
func New(config Config) (*Client, error) {
	base, err := url.Parse(config.URL)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", config.URL, err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("address %q: want one like http://127.0.0.1:8080", config.URL)
	}
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	carrier := newHTTPClient(config.Idle)
	if config.Transport != nil {
		carrier.Transport = config.Transport
	}
	return &Client{base: base, http: carrier, limit: config.Timeout, retry: config.Retry.withDefaults()}, nil
}

// newHTTPClient has connections of its own, so that Close closes nobody else's. It follows no redirect: a POST would
// come out as a GET whose answer looks like success.
func newHTTPClient(idle int) *http.Client {
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		own := transport.Clone()
		if idle > 0 {
			own.MaxIdleConns = idle
		}
		own.MaxIdleConnsPerHost = own.MaxIdleConns // default 2, and all of ours go to one host
		client.Transport = own
	}
	return client
}

// URL is the base address, without a password.
func (c *Client) URL() string { return strings.TrimSuffix(c.base.Redacted(), "/") }

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one request, so that it can be sent again.
type request struct {
	method string
	path   string // escaped, from the base address on
	query  url.Values
	key    string // idempotency key
	body   []byte
	accept []int // statuses beside 2xx whose body is an answer and not a problem
}

// response is an answer before it is decoded.
type response struct {
	status int
	header http.Header
	body   []byte
}

// send makes one attempt. The answer is complete and small enough, or it is an error.
func (c *Client) send(ctx context.Context, r request) (response, error) {
	attempt, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	req, err := c.newRequest(attempt, r)
	if err != nil {
		return response{}, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return response{}, c.unreachable(ctx, err)
	}
	defer res.Body.Close() //nolint:errcheck // read only: the read below reports what matters
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return response{}, c.unreachable(ctx, err)
	}
	if len(body) > maxBody {
		return response{}, fmt.Errorf("%s %s: the answer is over %d bytes", r.method, r.path, maxBody)
	}
	return c.check(r, response{status: res.StatusCode, header: res.Header, body: body})
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	address := strings.TrimSuffix(c.base.String(), "/") + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", "ordo")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", quote(r.key))
	}
	return req, nil
}

// check tells an answer from a problem, and both from what is not ours.
func (c *Client) check(r request, res response) (response, error) {
	if problem, ok := parseProblem(res); ok {
		return response{}, &problem
	}
	good := res.status >= 200 && res.status < 300
	for _, status := range r.accept {
		good = good || res.status == status
	}
	if !good || !json.Valid(res.body) {
		return response{}, &UnexpectedAnswerError{
			URL:         c.URL() + r.path,
			Status:      res.status,
			ContentType: mediaType(res.header),
			RetryAfter:  retryAfter(res.header),
		}
	}
	return res, nil
}

// unreachable types the error of an attempt; when the caller went away, that is the reason and not the network.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s", c.limit)
	}
	return &UnreachableError{URL: c.URL(), Err: err}
}

// decode turns a checked response into a typed answer.
func decode[T any](res response, err error) (Answer[T], error) {
	if err != nil {
		return Answer[T]{}, err
	}
	answer := Answer[T]{
		Body:     res.body,
		Position: res.header.Get("Ordo-Position"),
		Replayed: res.header.Get("Idempotent-Replayed") == "true",
		Stale:    stale(res.header),
	}
	if err := json.Unmarshal(res.body, &answer.Value); err != nil {
		return Answer[T]{}, fmt.Errorf("decode answer: %w", err)
	}
	return answer, nil
}

func stale(h http.Header) bool { return h.Get("Ordo-Stale") == "true" }

// quote writes a key as a structured-field string, the form the Idempotency-Key header is specified in.
func quote(key string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
}

func mediaType(h http.Header) string {
	name, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return name
}
