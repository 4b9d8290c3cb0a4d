package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
)

// requestTimeout bounds the work on one request. A command that runs into it may have been stored.
const requestTimeout = 20 * time.Second

// keyRule says whether a command needs an idempotency key. Every command may have one.
type keyRule int

const (
	keyOptional keyRule = iota
	keyRequired
)

// endpoint declares a route: what it takes and gives, for the documentation as for those who ask.
type endpoint struct {
	method, path string
	id           string // operationId
	tag          string
	summary      string
	description  string

	service  string        // whose log its positions are of
	commands *Service      // what executes it; nil for queries
	key      keyRule       // commands only
	body     any           // zero value of what is sent; nil for nothing
	result   any           // zero value of what is answered
	statuses []int         // of success
	params   []*huma.Param // beside those every command or query has
	problems []string      // codes, beside those every such endpoint may answer with
	handle   func(r *request) (answer, error)

	schema *huma.Schema // of body
}

// request is what a handler is given.
type request struct {
	*http.Request
	api      *api
	endpoint *endpoint
	header   http.Header     // of the answer
	body     []byte          // JSON by its syntax; nil if none was sent
	key      *idempotencyKey // nil if none was sent
}

// answer is what a handler gives. All of it is stored with a command that has an idempotency key; headers that are not in
// it are made anew each time.
type answer struct {
	Status   int                `json:"status"`
	Location string             `json:"location,omitzero"`
	Version  eventstore.Version `json:"version,omitzero"` // the ETag; 0 for none
	Body     jsontext.Value     `json:"body"`
}

// answerWith makes an answer of a body that can be JSON.
func answerWith(status int, version eventstore.Version, body any) (answer, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return answer{}, fmt.Errorf("encode %T: %w", body, err)
	}
	return answer{Status: status, Version: version, Body: encoded}, nil
}

// serve is what surrounds every handler.
func (a *api) serve(e *endpoint, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	req := &request{Request: r.WithContext(ctx), api: a, endpoint: e, header: w.Header()}
	ans, err := a.answer(w, req)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if ans.Version > 0 {
		w.Header().Set("ETag", etag(ans.Version))
		if e.commands == nil && noneMatch(r.Header.Values("If-None-Match"), ans.Version) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if ans.Location != "" {
		w.Header().Set("Location", ans.Location)
	}
	write(w, ans.Status, "application/json", ans.Body)
}

func (a *api) answer(w http.ResponseWriter, r *request) (answer, error) {
	e := r.endpoint
	if e.commands == nil {
		return e.handle(r)
	}
	body, err := readBody(w, r.Request, e.body != nil)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		if err := checkSyntax(body); err != nil {
			return answer{}, err
		}
	}
	r.body = body
	return a.once(r, func() (answer, error) {
		if e.body == nil && r.body != nil { // an empty object does no harm
			if err := checkSchema(a.registry, e.schema, r.body); err != nil {
				return answer{}, err
			}
		}
		return e.handle(r)
	})
}

// execute runs a command and answers with what present makes of the outcome. The answer is stored if the request has an
// idempotency key and the command changes something.
func execute[S any, C aggregates.Command, E aggregates.Event](
	r *request, d aggregates.Decider[S, C, E], call command.Call[S, C], present func(command.Outcome[S]) (answer, error),
) (answer, error) {
	var err error
	if call.IfVersion, err = ifMatch(r.Header.Values("If-Match")); err != nil {
		return answer{}, err
	}
	call.Metadata = traceOf(r.Context()).metadata()
	if r.key != nil {
		call.Receipt = func(s S, v eventstore.Version) (*eventstore.Receipt, error) {
			ans, err := present(command.Outcome[S]{State: s, Version: v, Changed: true})
			if err != nil {
				return nil, err
			}
			return r.key.receipt(ans)
		}
	}
	out, err := command.Execute(r.Context(), r.endpoint.commands.Commands, d, call)
	if r.key != nil && err == nil && !out.Changed { // perhaps because the same request has changed it before
		if ans, found, err := r.replay(); found || err != nil {
			return ans, err
		}
	}
	if ended := r.Context().Err(); ended != nil && errors.Is(err, ended) {
		return answer{}, fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err) // we only stopped waiting
	}
	if err != nil {
		return answer{}, err
	}
	r.setPosition(out.Position)
	return present(out)
}

// setPosition tells where in the log of the endpoint's service the answer is from.
func (r *request) setPosition(p eventstore.Position) {
	if p > 0 {
		r.header.Set("Ordo-Position", fmt.Sprintf("%s:%d", r.endpoint.service, p))
	}
}

func (r *request) now() time.Time { return r.api.clock().UTC().Truncate(time.Microsecond) }
