package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ProblemError is a problem document (RFC 9457) as an error: the API understood and said no, or says that it cannot now.
type ProblemError struct {
	Status     int           `json:"status"`
	Code       string        `json:"code"` // stable, like "not_found"
	Title      string        `json:"title"`
	Detail     string        `json:"detail"`
	Field      string        `json:"field"` // what of the request is wrong, like "lines[0].sku"
	TraceID    string        `json:"trace_id"`
	Errors     []FieldError  `json:"errors"`
	RetryAfter time.Duration `json:"-"` // from the header; negative when it has none
	Stale      bool          `json:"-"` // what "after" asked for has not come yet; what is not found may be part of it
}

// FieldError is one of several things that are wrong with a request.
type FieldError struct {
	Code   string `json:"code"`
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error is the problem in words, with all fields that are wrong; code and trace id are left to the caller to show.
func (e *ProblemError) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if text == "" {
		text = strings.ToLower(http.StatusText(e.Status))
	}
	var fields []string
	if e.Field != "" {
		fields = append(fields, "field "+e.Field)
	}
	for _, f := range e.Errors {
		if f.Field != e.Field || f.Detail != e.Detail { // the first of them is the problem's own
			fields = append(fields, f.Field+": "+f.Detail)
		}
	}
	if len(fields) == 0 {
		return text
	}
	return fmt.Sprintf("%s (%s)", strings.TrimSuffix(text, "."), strings.Join(fields, "; "))
}

// UnreachableError says that no answer came from the API.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach Ordo at %s: %s", e.URL, reason(e.Err))
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// UnexpectedAnswerError says that what answered does not speak our API.
type UnexpectedAnswerError struct {
	URL         string
	Status      int
	ContentType string
	RetryAfter  time.Duration // negative when the answer has none
}

func (e *UnexpectedAnswerError) Error() string {
	kind := e.ContentType
	if kind == "" {
		kind = "no content type"
	}
	return fmt.Sprintf("%s answered %d (%s), which is not an answer of Ordo", e.URL, e.Status, kind)
}

// parseProblem reports whether the response is a problem document.
func parseProblem(res response) (problem ProblemError, ok bool) {
	var document struct {
		ProblemError
		Type string `json:"type"`
	}
	if mediaType(res.header) != "application/problem+json" || json.Unmarshal(res.body, &document) != nil {
		return ProblemError{}, false
	}
	problem = document.ProblemError
	problem.Status = res.status
	problem.RetryAfter = retryAfter(res.header)
	problem.Stale = stale(res.header)
	if problem.Code == "" { // the type's last part is the code, too
		problem.Code = document.Type[strings.LastIndexAny(document.Type, "/#")+1:]
	}
	return problem, true
}

// retryAfter reads the Retry-After header, seconds or a date; negative when there is none that makes sense.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return -1
}

// reason is the part of a network error that helps, in the system's words: "connection refused", "no such host".
func reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Err
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	return err.Error()
}
