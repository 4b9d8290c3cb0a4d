package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/projections"
)

// Codes of problems that the API itself finds. The others are the reasons of the domain's refusals.
const (
	codeMalformedRequest     = "malformed_request"
	codeMalformedJSON        = "malformed_json"
	codeDuplicateField       = "duplicate_field"
	codeUnknownField         = "unknown_field"
	codeInvalidID            = "invalid_id"
	codeInvalidParameter     = "invalid_parameter"
	codeInvalidCursor        = "invalid_cursor"
	codeKeyRequired          = "idempotency_key_required"
	codeKeyInvalid           = "idempotency_key_invalid"
	codeMethodNotAllowed     = "method_not_allowed"
	codeRequestTimeout       = "request_timeout"
	codeKeyInProgress        = "idempotency_in_progress"
	codeCustomerBlocked      = "customer_blocked"
	codeConflict             = "conflict"
	codeVersionConflict      = "version_conflict"
	codeBodyTooLarge         = "body_too_large"
	codeUnsupportedMediaType = "unsupported_media_type"
	codeInvalidType          = "invalid_type"
	codeUnknownSKU           = "unknown_sku"
	codeUnknownCustomer      = "unknown_customer"
	codeUnknownPaymentMethod = "unknown_payment_method"
	codeKeyReused            = "idempotency_key_reused"
	codeTooLarge             = "too_large"
	codeInternal             = "internal"
	codeBusy                 = "busy"
	codeUnavailable          = "unavailable"
	codeOutcomeUnknown       = "outcome_unknown"
)

// kind is one type of problem.
type kind struct {
	Code   string `json:"code"`
	Status int    `json:"status"`
	Title  string `json:"title"`
	Advice string `json:"advice" doc:"What to do about it."`

	retryAfter int // seconds; 0: a repeat does not help, or need not wait
}

// kinds are all problems the API answers with, by status.
var kinds = []kind{
	{codeMalformedRequest, 400, "Malformed request", "The request did not arrive in full, or is not HTTP as it should be.", 0},
	{codeMalformedJSON, 400, "Malformed JSON", "Send one JSON value in UTF-8. The member offset says where it ends being that.", 0},
	{codeDuplicateField, 400, "Duplicate field", "Send each member of an object once.", 0},
	{codeUnknownField, 400, "Unknown field", "Leave out what is not in the schema; names are case-sensitive. Prices and totals are never taken from clients.", 0},
	{codeInvalidID, 400, "Invalid id", "Order and customer ids are UUIDs; a SKU is 1 to 64 letters, digits, '.', '_' or '-'.", 0},
	{codeInvalidParameter, 400, "Invalid parameter", "See the field for the header or query parameter, and the documentation for its form.", 0},
	{codeInvalidCursor, 400, "Invalid cursor or page size", "Use a cursor as it was given, with the same filter, and a limit within its bounds.", 0},
	{codeKeyRequired, 400, "Idempotency-Key required", "Send a fresh key, such as a UUID version 7, with each new request, and the same one when you repeat it.", 0},
	{codeKeyInvalid, 400, "Idempotency-Key invalid", "Send one key of 1 to 255 printable ASCII characters.", 0},
	{aggregates.CodeNotFound, 404, "Not found", "Check the address. What was made a moment ago is seen by queries with ?after=.", 0},
	{product.CodeUnknownProduct, 404, "Unknown product", "List the product first.", 0},
	{codeMethodNotAllowed, 405, "Method not allowed", "See the Allow header.", 0},
	{codeRequestTimeout, 408, "Request timeout", "Send the body faster.", 0},
	{codeKeyInProgress, 409, "Request in progress", "An earlier request with this key is still being worked on. Repeat it later.", 1},
	{codeCustomerBlocked, 409, "Customer blocked", "The customer may not order until they are unblocked.", 0},
	{aggregates.CodeInvalidState, 409, "Not possible in this state", "Read the present state and decide again.", 0},
	{order.CodeAlreadyPlaced, 409, "Order exists", "An order was made with this key before, too long ago to repeat its answer. Read it, or use a fresh key.", 0},
	{customer.CodeAlreadyRegistered, 409, "Customer exists", "A customer was registered with this key before. Use a fresh key.", 0},
	{payment.CodeContradictoryOutcome, 409, "Contradictory outcome", "The payment has ended otherwise before.", 0},
	{order.CodeUndoOutOfOrder, 409, "Undone out of order", "Undo the later step first.", 0},
	{stock.CodeInsufficientStock, 409, "Insufficient stock", "Ask for less, or wait for more to come in.", 0},
	{stock.CodeNotReserved, 409, "Not reserved", "No more can be given back than is reserved.", 0},
	{stock.CodeReferenceReused, 409, "Reference reused", "A delivery of this reference was received with another quantity.", 0},
	{codeConflict, 409, "Conflict", "Others changed the same thing at the same time. Nothing was stored; repeat the request.", 1},
	{codeVersionConflict, 412, "Version conflict", "It was changed meanwhile; current_version says which version it has now. Read it and decide again.", 0},
	{codeBodyTooLarge, 413, "Body too large", "Send less in one request.", 0},
	{codeUnsupportedMediaType, 415, "Unsupported media type", "Send application/json, not compressed.", 0},
	{codeInvalidType, 422, "Invalid type", "Send the JSON type the schema asks for; null is none of them.", 0},
	{aggregates.CodeRequired, 422, "Required", "Send the field, and not empty.", 0},
	{aggregates.CodeOutOfRange, 422, "Out of range", "See the detail for the limits.", 0},
	{aggregates.CodeTooLong, 422, "Too long", "See the detail for the limit.", 0},
	{aggregates.CodeInvalidCharacters, 422, "Invalid characters", "Send no control or text direction characters, and Unicode in normal form C.", 0},
	{aggregates.CodeInvalidCurrency, 422, "Invalid currency", "Use one known ISO 4217 code, the same in all lines of an order.", 0},
	{customer.CodeInvalidEmail, 422, "Invalid email", "Send one address, without a name or angle brackets.", 0},
	{aggregates.CodeInvalidSKU, 422, "Invalid SKU", "A SKU is 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter or digit.", 0},
	{order.CodeNoLines, 422, "No lines", "Order at least one thing.", 0},
	{order.CodeTooManyLines, 422, "Too many lines", "Make several orders.", 0},
	{order.CodeDuplicateSKU, 422, "Duplicate SKU", "Put all pieces of one SKU in one line.", 0},
	{order.CodeAmountOverflow, 422, "Amount overflow", "Order less.", 0},
	{order.CodeInvalidReason, 422, "Invalid reason", "See the detail.", 0},
	{codeUnknownSKU, 422, "Unknown SKU", "Order what the catalog lists and has not discontinued.", 0},
	{codeUnknownCustomer, 422, "Unknown customer", "Register the customer first.", 0},
	{codeUnknownPaymentMethod, 422, "Unknown payment method", "See the detail for those that are known.", 0},
	{codeKeyReused, 422, "Idempotency-Key reused", "This key came with another request before. Use a fresh key for each new request.", 0},
	{codeTooLarge, 422, "Too large", "What would have to be stored is over a limit; see the detail.", 0},
	{codeInternal, 500, "Internal error", "It is logged under the trace id. A command may be repeated with the same Idempotency-Key.", 0},
	{codeBusy, 503, "Busy", "Too much is waiting already. Nothing was stored; repeat the request later.", 1},
	{codeUnavailable, 503, "Unavailable", "Something the service needs does not answer, or it is shutting down. Repeat the request later.", 1},
	{codeOutcomeUnknown, 503, "Outcome unknown", "It may or may not have been done. Retry with the same Idempotency-Key: it is not done twice.", 1},
}

// kindByCode finds kinds. A refusal that is not listed would be a 422 without advice; a test sees that there is none.
var kindByCode = func() map[string]kind {
	m := make(map[string]kind, len(kinds))
	for _, k := range kinds {
		m[k.Code] = k
	}
	return m
}()

func kindOf(code string) kind {
	if k, ok := kindByCode[code]; ok {
		return k
	}
	return kind{Code: code, Status: http.StatusUnprocessableEntity, Title: "Refused"}
}

func problemType(code string) string { return "/problems/" + code }

// Problem is an RFC 9457 problem document.
type problem struct {
	Type           string              `json:"type" format:"uri-reference" doc:"Stable address of the type of problem."`
	Title          string              `json:"title"`
	Status         int                 `json:"status"`
	Code           string              `json:"code" doc:"Stable code, the last part of type."`
	Detail         string              `json:"detail" doc:"What is wrong this time, for people."`
	Instance       string              `json:"instance" format:"uri-reference" doc:"The path of the request."`
	TraceID        string              `json:"trace_id" doc:"Names the request in logs and traces."`
	Field          string              `json:"field,omitzero" doc:"The field, header or parameter that is wrong, as in lines[0].quantity."`
	Offset         *int64              `json:"offset,omitzero" required:"false" doc:"With malformed_json: the byte where the body stops being JSON."`
	CurrentVersion *eventstore.Version `json:"current_version,omitzero" required:"false" doc:"With version_conflict: the version it has now."`
	Errors         []fieldError        `json:"errors,omitempty" required:"false" doc:"All that is wrong with the body, when it is more than syntax."`
}

type fieldError struct {
	Code     string `json:"code"`
	Field    string `json:"field"`
	Location string `json:"location" doc:"The field with the part of the request it is in, as in body.lines[0].quantity."`
	Detail   string `json:"detail"`
}

// apiError is an error the API itself finds.
type apiError struct {
	code   string
	detail string
	field  string
	offset *int64
	errors []fieldError
	allow  string // methods, with codeMethodNotAllowed
	hangUp bool   // close the connection: what is left of the body will not be read
}

func (e *apiError) Error() string { return e.code + ": " + e.detail }

func fail(code, detail string) error { return &apiError{code: code, detail: detail} }

func failField(code, field, detail string) error {
	return &apiError{code: code, field: field, detail: detail}
}

var errNotFound = fail(aggregates.CodeNotFound, "there is nothing here")

// describe is the one place where errors become problems. What is not listed is internal: it is told to nobody but the log.
func describe(err error) problem {
	var (
		own      *apiError
		refused  *aggregates.RefusedError
		version  *command.VersionError
		conflict *eventstore.ConflictError
		limit    *eventstore.LimitError
		missing  *projections.NotFoundError
	)
	switch {
	case errors.As(err, &own):
		return own.problem()
	case errors.As(err, &refused):
		return problem{Code: refused.Reason, Detail: refused.Detail, Field: refused.Field}
	case errors.As(err, &missing):
		return problem{Code: aggregates.CodeNotFound, Detail: "there is nothing here, or not yet"}
	case errors.As(err, &version):
		return problem{
			Code: codeVersionConflict, CurrentVersion: &version.Current, Field: "If-Match",
			Detail: fmt.Sprintf("you had version %d, now it is %d", version.Expected, version.Current),
		}
	case errors.As(err, &conflict):
		return problem{Code: codeConflict, Detail: "others changed it at the same time, again and again", CurrentVersion: &conflict.Actual}
	case errors.As(err, &limit):
		return problem{Code: codeTooLarge, Detail: limit.Detail()}
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return problem{Code: codeOutcomeUnknown, Detail: "retry with the same Idempotency-Key"}
	case errors.Is(err, eventstore.ErrBusy):
		return problem{Code: codeBusy, Detail: "too many requests are waiting"}
	case errors.Is(err, eventstore.ErrUnavailable):
		return problem{Code: codeUnavailable, Detail: "the event store cannot be written to"}
	case errors.Is(err, eventstore.ErrClosed):
		return problem{Code: codeUnavailable, Detail: "the service is shutting down"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem{Code: codeUnavailable, Detail: "the request took too long"}
	case unreachable(err):
		return problem{Code: codeUnavailable, Detail: "a database does not answer"}
	default:
		return problem{Code: codeInternal, Detail: "something went wrong on our side"}
	}
}

func (e *apiError) problem() problem {
	for i, f := range e.errors {
		e.errors[i].Location = "body." + f.Field
	}
	return problem{Code: e.code, Detail: e.detail, Field: e.field, Offset: e.offset, Errors: e.errors}
}

// unreachable says whether err is the network's, or a database's that goes down, comes up, has no connection left (SQLSTATE
// classes 08, 53 and 57) or has become read-only.
func unreachable(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // it went away in the middle of an answer
		return true
	}
	var database interface{ SQLState() string }
	if !errors.As(err, &database) || len(database.SQLState()) != 5 {
		return false
	}
	switch database.SQLState()[:2] {
	case "08", "53", "57":
		return true
	}
	return database.SQLState() == "25006"
}

// fail answers a request with the problem that err is.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := describe(err)
	k := kindOf(p.Code)
	p.Type, p.Title, p.Status = problemType(k.Code), k.Title, k.Status
	p.Instance, p.TraceID = r.URL.EscapedPath(), traceOf(r.Context()).id
	if k.Status >= http.StatusInternalServerError {
		level := slog.LevelWarn // expected of an overload or a neighbour that is down
		if k.Code == codeInternal {
			level = slog.LevelError
		}
		a.log.LogAttrs(r.Context(), level, "request failed",
			slog.String("code", p.Code), slog.String("error", err.Error()), slog.String("route", r.Pattern), slog.String("trace_id", p.TraceID))
	}
	h := w.Header()
	if own, ok := errors.AsType[*apiError](err); ok {
		if own.allow != "" {
			h.Set("Allow", own.allow)
		}
		if own.hangUp {
			h.Set("Connection", "close")
		}
	}
	if k.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(k.retryAfter))
	}
	body, err := json.Marshal(p)
	if err != nil { // its texts are not UTF-8
		body = []byte(`{"type":"/problems/internal","code":"internal","status":500}`)
		p.Status = http.StatusInternalServerError
	}
	write(w, p.Status, "application/problem+json", body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone cannot be told
}
