package httpapi

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
)

// apiVersion is the version of the contract, not of the program.
const apiVersion = "1.0.0"

const description = `Orders, stock, products and customers of a shop, as commands and queries.

Commands answer with the position of what they stored (Ordo-Position). Queries read models that follow a little later:
give them that position as ?after= and they wait until they have seen it.

Repeat a command with the same Idempotency-Key when you do not know whether it was done. It is done once, and you get the
answer of the first time, marked Idempotent-Replayed. Keys are kept for at least 24 hours. A request that is refused for
what it says uses up no key.`

func newDocument() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI:    "3.1.0",
		Info:       &huma.Info{Title: "Ordo", Version: apiVersion, Description: description},
		Servers:    []*huma.Server{{URL: "/"}},
		Paths:      map[string]*huma.PathItem{},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		Tags: []*huma.Tag{
			{Name: "orders"},
			{Name: "products"},
			{Name: "customers"},
			{Name: "stock"},
			{Name: "payments"},
			{Name: "sales"},
			{Name: "system", Description: "What every process serves, whatever services it runs."},
		},
	}
}

// Parameters that many endpoints have.
var (
	keyParam = huma.Param{
		Name: "Idempotency-Key", In: "header", Schema: textSchema(1, maxKeyLength+2),
		Description: "Names this request, so that repeating it does nothing twice: 1 to 255 printable ASCII characters, in quotes or not.",
	}
	ifMatchParam = huma.Param{
		Name: "If-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString, Pattern: `^"[0-9]+"$`},
		Description: "An ETag. The command is refused (412) if the target has another version by now. Without it, it is decided on the present state.",
	}
	noneMatchParam = huma.Param{
		Name: "If-None-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "ETags of what the client has. If it is still so, the answer is 304 without a body.",
	}
	afterParam = huma.Param{
		Name: "after", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Ordo-Position of a command, several separated by commas: wait until the answer includes what it did. If that takes too long, Ordo-Stale says so.",
	}
	preferParam = huma.Param{
		Name: "Prefer", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "With ?after=: wait=N, how many seconds to wait (default 2, at most 10).",
	}
	limitParam = huma.Param{
		Name: "limit", In: "query", Description: "Size of the page.",
		Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64(1)), Maximum: new(float64(maxPage)), Default: defaultPage},
	}
	cursorParam = huma.Param{
		Name: "cursor", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "next_cursor of the page before, with the same filter.",
	}
)

// Headers that answers may have.
var (
	etagHeader     = huma.Param{Description: "The version.", Schema: &huma.Schema{Type: huma.TypeString}}
	positionHeader = huma.Param{Description: "Position of the newest event in it, to be given to queries as ?after=.", Schema: &huma.Schema{Type: huma.TypeString}}
	locationHeader = huma.Param{Description: "Where to read it.", Schema: &huma.Schema{Type: huma.TypeString, Format: "uri-reference"}}
	replayedHeader = huma.Param{Description: "true: this is the answer of the first request with the key.", Schema: &huma.Schema{Type: huma.TypeString}}
	staleHeader    = huma.Param{Description: "true: the answer does not yet include what was asked for with ?after=.", Schema: &huma.Schema{Type: huma.TypeString}}
	linkHeader     = huma.Param{Description: `The next page, rel="next" (RFC 8288).`, Schema: &huma.Schema{Type: huma.TypeString}}
)

// Problems that many endpoints answer with.
var (
	commandProblems = []string{
		codeMalformedRequest, codeMalformedJSON, codeDuplicateField, codeUnknownField, codeKeyInvalid, codeInvalidParameter,
		codeRequestTimeout, codeKeyInProgress, codeConflict, codeVersionConflict, codeBodyTooLarge, codeUnsupportedMediaType,
		codeKeyReused, codeBusy, codeUnavailable, codeOutcomeUnknown, codeInternal,
	}
	bodyProblems = []string{
		codeInvalidType, aggregates.CodeRequired, aggregates.CodeOutOfRange, aggregates.CodeTooLong, aggregates.CodeInvalidCharacters,
	}
	queryProblems = []string{codeInternal, codeUnavailable}
	modelProblems = []string{codeInvalidParameter}
)

// operation documents an endpoint.
func (a *api) operation(e *endpoint) *huma.Operation {
	op := &huma.Operation{
		Method: e.method, Path: e.path, OperationID: e.id, Tags: []string{e.tag}, Summary: e.summary, Description: e.description,
		Responses: map[string]*huma.Response{},
	}
	headers := map[string]*huma.Param{}
	problems := slices.Clone(e.problems)
	for _, p := range e.params {
		op.Parameters = append(op.Parameters, p)
		switch p.Name {
		case "id", "order_id", "sku":
			problems = append(problems, codeInvalidID)
		case afterParam.Name:
			headers["Ordo-Stale"] = &staleHeader
			problems = append(problems, modelProblems...)
		case cursorParam.Name:
			headers["Link"] = &linkHeader
			problems = append(problems, codeInvalidCursor)
		}
	}
	if e.service != "" {
		headers["ETag"], headers["Ordo-Position"] = &etagHeader, &positionHeader
	}
	if e.commands == nil {
		problems = append(problems, queryProblems...)
	} else {
		problems = append(problems, a.documentCommand(e, op, headers)...)
	}
	content := map[string]*huma.MediaType{"application/json": {Schema: a.registry.Schema(reflect.TypeOf(e.result), true, "")}}
	for _, status := range e.statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Headers: headers, Content: content}
	}
	if e.commands == nil && e.service != "" {
		op.Parameters = append(op.Parameters, &noneMatchParam)
		op.Responses["304"] = &huma.Response{Description: http.StatusText(http.StatusNotModified)}
	}
	a.documentProblems(op, problems)
	return op
}

func (a *api) documentCommand(e *endpoint, op *huma.Operation, headers map[string]*huma.Param) (problems []string) {
	problems = slices.Clone(commandProblems)
	key := keyParam
	if e.key == keyRequired {
		key.Required = true
		problems = append(problems, codeKeyRequired)
	}
	op.Parameters = append(op.Parameters, &key, &ifMatchParam)
	headers["Idempotent-Replayed"] = &replayedHeader
	if slices.Contains(e.statuses, http.StatusCreated) {
		headers["Location"] = &locationHeader
	}
	if e.body != nil {
		problems = append(problems, bodyProblems...)
		op.RequestBody = &huma.RequestBody{
			Required: true,
			Content:  map[string]*huma.MediaType{"application/json": {Schema: a.registry.Schema(reflect.TypeOf(e.body), true, "")}},
		}
	}
	return problems
}

// documentProblems adds the problems by their status.
func (a *api) documentProblems(op *huma.Operation, codes []string) {
	content := map[string]*huma.MediaType{"application/problem+json": {Schema: a.registry.Schema(reflect.TypeFor[problem](), true, "")}}
	byStatus := map[int][]string{}
	for _, k := range kinds {
		if slices.Contains(codes, k.Code) {
			byStatus[k.Status] = append(byStatus[k.Status], k.Code)
		}
	}
	for status, codes := range byStatus {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: strings.Join(codes, ", "), Content: content}
	}
}

// systemOperation documents a route that every process has.
func (a *api) systemOperation(id, path, summary string, result any, mediaType string) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Tags: []string{"system"}, Summary: summary,
		Responses: map[string]*huma.Response{"200": {
			Description: http.StatusText(http.StatusOK),
			Content:     map[string]*huma.MediaType{mediaType: {Schema: a.registry.Schema(reflect.TypeOf(result), true, "")}},
		}},
	}
}

// finishSchemas corrects what huma derives from Go types. Null is neither taken nor given, whatever the type. And every
// object that is not part of a request may have more members: clients must ignore what they do not know, so that adding
// to an answer breaks nobody.
func (a *api) finishSchemas() {
	closed := map[string]bool{}
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op != nil && op.RequestBody != nil {
				a.mark(op.RequestBody.Content["application/json"].Schema, closed)
			}
		}
	}
	for name, s := range a.registry.Map() {
		if !closed[name] {
			s.AdditionalProperties = true
		}
		neverNull(s)
	}
}

func neverNull(s *huma.Schema) {
	s.Nullable = false
	for _, property := range s.Properties {
		neverNull(property)
	}
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		neverNull(values)
	}
}

// mark collects the names of the schemas that s is made of.
func (a *api) mark(s *huma.Schema, names map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		names[s.Ref[strings.LastIndex(s.Ref, "/")+1:]] = true
		s = a.registry.SchemaFromRef(s.Ref)
	}
	a.mark(s.Items, names)
	for _, property := range s.Properties {
		a.mark(property, names)
	}
}

func pathParam(name, what string) *huma.Param {
	s := &huma.Schema{Type: huma.TypeString, Format: "uuid"}
	if name == "sku" {
		s = &huma.Schema{Type: huma.TypeString, Pattern: skuPattern, MaxLength: new(aggregates.MaxSKULength)}
	}
	return &huma.Param{Name: name, In: "path", Required: true, Description: what, Schema: s}
}

const skuPattern = `^[A-Za-z0-9][A-Za-z0-9._-]*$`

func textSchema(minLength, maxLength int) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, MinLength: &minLength, MaxLength: &maxLength}
}

func orderPath(id string) string { return "/v1/orders/" + id }

func customerPath(id string) string { return fmt.Sprintf("/v1/customers/%s", id) }

func productPath(sku string) string { return "/v1/products/" + sku }
