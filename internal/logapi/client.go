package logapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
)

const (
	requestTimeout = 20 * time.Second

	// maxAnswer is above a page of the largest events there can be, in base64.
	maxAnswer = maxPage * 2 * (eventstore.MaxEventBytes + eventstore.MaxMetadataBytes)
)

// Client is the log of a service of another process.
type Client struct {
	base    string
	service string
	http    *http.Client
}

var _ Log = (*Client)(nil)

// NewClient returns the log of a service that is served at an address like http://10.0.0.7:9080.
func NewClient(base, service string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" {
		return nil, fmt.Errorf("log of %s: want an address like http://10.0.0.7:9080", service)
	}
	return &Client{base: strings.TrimSuffix(base, "/"), service: service, http: &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// ReadPartition implements [Log].
func (c *Client) ReadPartition(ctx context.Context, partition int32, after, upTo eventstore.Position, limit int) ([]eventstore.Recorded, error) {
	var p page
	err := c.get(ctx, path, &p, url.Values{
		"from": {number(int64(after) + 1)}, "to": {number(int64(upTo))},
		"partition": {number(int64(partition))}, "limit": {number(int64(min(limit, maxPage)))},
	})
	return p.recorded(), err
}

// Unseen implements [Log].
func (c *Client) Unseen(ctx context.Context, seen []eventstore.Position) (u eventstore.Unseen, err error) {
	texts := make([]string, len(seen))
	for i, position := range seen {
		texts[i] = number(int64(position))
	}
	err = c.get(ctx, unseenPath, &u, url.Values{"seen": {strings.Join(texts, ",")}})
	return u, err
}

// ReadStream implements [Log]. As everywhere, a limit of 0 is none.
func (c *Client) ReadStream(ctx context.Context, stream eventstore.StreamID, after eventstore.Version, limit int) ([]eventstore.Recorded, error) {
	var events []eventstore.Recorded
	for {
		size := maxPage
		if limit > 0 {
			size = min(size, limit-len(events))
		}
		var p page
		err := c.get(ctx, streamPath, &p, url.Values{
			"stream": {string(stream)}, "after": {number(int64(after))}, "limit": {number(int64(size))},
		})
		if err != nil {
			return nil, err
		}
		events = append(events, p.recorded()...)
		if len(p.Events) < size || len(events) == limit {
			return events, nil
		}
		after = events[len(events)-1].Version
	}
}

// Task implements [Log].
func (c *Client) Task(ctx context.Context, kind, key string) (eventpg.PendingTask, bool, error) {
	var t task
	err := c.get(ctx, taskPath, &t, url.Values{"kind": {kind}, "key": {key}})
	return eventpg.PendingTask{Attempt: t.Attempt, Due: t.Due, LastError: t.LastError}, t.Found, err
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func (c *Client) get(ctx context.Context, path string, answer any, query url.Values) error {
	query.Set("service", c.service)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+query.Encode(), http.NoBody) //nolint:gosec // the address is configuration
	if err != nil {
		return fmt.Errorf("log of %s: %w", c.service, err)
	}
	response, err := c.http.Do(request) //nolint:gosec // the same
	if err != nil {
		return fmt.Errorf("log of %s: %w", c.service, err)
	}
	defer func() { _ = response.Body.Close() }()
	body := io.LimitReader(response.Body, maxAnswer)
	if response.StatusCode != http.StatusOK {
		var f failure
		_ = json.NewDecoder(body).Decode(&f) // whoever answers need not be ours
		return &StatusError{Service: c.service, Status: response.StatusCode, Detail: f.Detail}
	}
	if err := json.NewDecoder(body).Decode(answer); err != nil {
		return fmt.Errorf("log of %s: %w", c.service, err)
	}
	return nil
}

// StatusError is an answer that is no part of the log.
type StatusError struct {
	Service string
	Status  int
	Detail  string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("log of %s: status %d: %s", e.Service, e.Status, e.Detail)
}
