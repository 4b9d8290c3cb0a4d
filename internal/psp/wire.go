package psp

import (
	"errors"
	"net/url"
	"time"
)

// The routes. Every verb that moves money is a POST with an Idempotency-Key header, answers with an [Operation], and is
// found again by GET /v1/operations?key=…, whatever the verb was. Verbs on an authorisation that exists are below it:
// /v1/authorizations/{id}/capture. Anything but a 200 carries an errorBody.
const (
	pathAuthorizations = "/v1/authorizations" // POST: hold an amount; below it POST {id}/{verb}
	pathOperations     = "/v1/operations"     // GET ?key=…: what became of the request with this key
	pathLedger         = "/v1/ledger"         // GET: every operation there ever was, oldest first

	headerKey = "Idempotency-Key"
)

// Kind is the verb of an [Operation].
type Kind string

// The verbs. All but the first are about an authorisation, and about its whole amount.
const (
	KindAuthorize Kind = "authorize" // hold an amount without taking it yet
	KindCapture   Kind = "capture"   // take what is held
	KindVoid      Kind = "void"      // let go what is held
	KindRefund    Kind = "refund"    // give back what was taken
)

// Status is the definite outcome of an [Operation].
type Status string

// The outcomes of an operation.
const (
	StatusAuthorized Status = "authorized" // the provider holds the money
	StatusCaptured   Status = "captured"   // the money is taken
	StatusVoided     Status = "voided"     // nothing is held any more, nothing was taken
	StatusRefunded   Status = "refunded"   // the money is given back
	StatusDeclined   Status = "declined"   // the provider refused; nothing changed
)

// success is what a verb comes to when it is done.
func (k Kind) success() Status {
	switch k {
	case KindAuthorize:
		return StatusAuthorized
	case KindCapture:
		return StatusCaptured
	case KindVoid:
		return StatusVoided
	case KindRefund:
		return StatusRefunded
	}
	return ""
}

// Operation is one thing the provider did, or refused to do, under a key. It is the answer to every verb, the answer to
// a query, and a line of the ledger.
type Operation struct {
	Seq             int64     `json:"seq"` // 1..n, the place in the ledger
	At              time.Time `json:"at"`
	Key             string    `json:"key"`
	Kind            Kind      `json:"kind"`
	Request         Request   `json:"request"`
	Status          Status    `json:"status"`
	AuthorizationID string    `json:"authorization_id,omitempty"` // the one that was made, or that the verb is about
	Reason          string    `json:"reason,omitempty"`           // why it was declined
}

// Request is the body of a verb, as the provider understood it.
type Request struct {
	OrderID  string `json:"order_id"`
	Amount   int64  `json:"amount"` // in minor units
	Currency string `json:"currency"`
	Method   string `json:"payment_method,omitempty"` // of an authorisation; the others have that of theirs
}

// errorBody is the body of every answer that is not a 200.
type errorBody struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// The error codes a caller can tell apart by [RequestError.Code], and those the simulator uses for its own state.
const (
	CodeInvalidRequest = "invalid_request"        // 400: the request can never be accepted as it is
	CodeKeyReused      = "idempotency_key_reused" // 422: the key belongs to a request with another body

	codeUnknownKey  = "unknown_key"             // 404: no operation under this key
	codeTooLarge    = "request_too_large"       // 413
	codeUnavailable = "temporarily_unavailable" // 503
	codeInternal    = "internal_error"          // 500
)

// pathVerb is the route of a verb on an authorisation.
func pathVerb(authorizationID string, k Kind) string {
	return pathAuthorizations + "/" + url.PathEscape(authorizationID) + "/" + string(k)
}

// Limits of both sides. No honest message comes near them. An answer repeats its request, escaped, so it may be larger.
const (
	maxKeyBytes     = 255
	maxRequestBytes = 8 << 10
	maxAnswerBytes  = 64 << 10
)

// checkKey refuses keys that could not travel as a header value.
func checkKey(key string) error {
	if key == "" {
		return errors.New("the idempotency key is empty")
	}
	if len(key) > maxKeyBytes {
		return errors.New("the idempotency key is longer than 255 bytes")
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return errors.New("the idempotency key is not printable ASCII without blanks")
		}
	}
	return nil
}
