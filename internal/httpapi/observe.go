package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// observe gives each request its trace, logs and counts it, and turns a panic into a problem.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		t := newTrace(r)
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
		h := w.Header()
		h.Set("Ordo-Trace-Id", t.id)
		h.Set("X-Content-Type-Options", "nosniff")
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // net/http asks for this very value
					panic(v)
				}
				a.log.LogAttrs(r.Context(), slog.LevelError, "handler panicked",
					slog.Any("panic", v), slog.String("stack", string(debug.Stack())), slog.String("trace_id", t.id))
				if rec.status != 0 {
					panic(http.ErrAbortHandler) // half an answer must not look like a whole one
				}
				a.fail(rec, r, fmt.Errorf("panic: %v", v))
			}
			a.observed(r, rec, t, time.Since(started))
		}()
		next.ServeHTTP(rec, r)
	})
}

// slow is how long an answer may take that is nothing to be noticed.
const slow = time.Second

// observed counts a request and logs it: what went as it should is for those who look for it, and in the log of the gateway.
func (a *api) observed(r *http.Request, rec *recorder, t trace, took time.Duration) {
	switch r.URL.Path {
	case "/livez", "/readyz", "/metrics":
		return // asked every few seconds: they would drown the rest
	}
	a.metrics.count(r, rec.status)
	level := slog.LevelDebug
	if rec.status >= http.StatusBadRequest || took >= slow {
		level = slog.LevelInfo
	}
	a.log.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()), slog.String("route", routeOf(r)),
		slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("trace_id", t.id))
}

// routeOf is the pattern a request matched, without its method; a name that many requests share.
func routeOf(r *http.Request) string {
	if _, route, ok := strings.Cut(r.Pattern, " "); ok {
		return route
	}
	return "unmatched"
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}
