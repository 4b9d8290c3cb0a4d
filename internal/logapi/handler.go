package logapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
)

// Paths of the API.
const (
	path       = "/internal/v1/log"
	unseenPath = path + "/unseen"
	streamPath = path + "/stream"
	taskPath   = path + "/task"
)

const (
	maxPage       = 500
	maxPartitions = 10_000
)

// Log is the log of a service.
type Log interface {
	ReadPartition(ctx context.Context, partition int32, after, upTo eventstore.Position, limit int) ([]eventstore.Recorded, error)
	Unseen(ctx context.Context, seen []eventstore.Position) (eventstore.Unseen, error)
	ReadStream(ctx context.Context, stream eventstore.StreamID, after eventstore.Version, limit int) ([]eventstore.Recorded, error)
	Task(ctx context.Context, kind, key string) (eventpg.PendingTask, bool, error)
}

// failure is the answer to a request that cannot be served, as problem+json.
type failure struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// Handler serves the logs of some services.
func Handler(logs map[string]Log, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	serve := func(pattern string, read func(*http.Request, Log) (any, error)) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			service := r.URL.Query().Get("service")
			from, known := logs[service]
			if !known {
				refuse(w, http.StatusNotFound, fmt.Sprintf("service: no log of %.64q is served here", service))
				return
			}
			answer, err := read(r, from)
			var bad *badParameterError
			switch {
			case err == nil:
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(answer) // an error is that of the connection
			case asBad(err, &bad):
				refuse(w, http.StatusBadRequest, bad.Error())
			default:
				log.WarnContext(r.Context(), "log is not readable", "service", service, "error", err)
				refuse(w, http.StatusServiceUnavailable, "the log cannot be read now")
			}
		})
	}
	serve(path, readPage)
	serve(unseenPath, readUnseen)
	serve(streamPath, readStream)
	serve(taskPath, readTask)
	return mux
}

func readPage(r *http.Request, log Log) (any, error) {
	p := parameters{values: r.URL.Query()}
	from, to := p.number("from", 1), p.number("to", 1)
	partition, limit := p.number("partition", 0), p.number("limit", 1)
	if p.err == nil && limit > maxPage {
		p.err = &badParameterError{"limit", fmt.Sprintf("must be at most %d", maxPage)}
	}
	if p.err == nil && partition >= maxPartitions {
		p.err = &badParameterError{"partition", "is too large"}
	}
	if p.err != nil {
		return nil, p.err
	}
	events, err := log.ReadPartition(r.Context(), int32(partition), eventstore.Position(from-1), eventstore.Position(to), int(limit)) //nolint:gosec // bounded above
	return newPage(events), err
}

func readUnseen(r *http.Request, log Log) (any, error) {
	var seen []eventstore.Position
	if text := r.URL.Query().Get("seen"); text != "" {
		for one := range strings.SplitSeq(text, ",") {
			n, err := strconv.ParseUint(one, 10, 63)
			if err != nil || len(seen) >= maxPartitions {
				return nil, &badParameterError{"seen", "must be positions separated by commas"}
			}
			seen = append(seen, eventstore.Position(n))
		}
	}
	return log.Unseen(r.Context(), seen)
}

func readStream(r *http.Request, log Log) (any, error) {
	p := parameters{values: r.URL.Query()}
	stream := p.text("stream")
	after, limit := p.number("after", 0), p.number("limit", 1)
	if p.err == nil && limit > maxPage {
		p.err = &badParameterError{"limit", fmt.Sprintf("must be at most %d", maxPage)}
	}
	if p.err != nil {
		return nil, p.err
	}
	events, err := log.ReadStream(r.Context(), eventstore.StreamID(stream), eventstore.Version(after), int(limit))
	return newPage(events), err
}

func readTask(r *http.Request, log Log) (any, error) {
	p := parameters{values: r.URL.Query()}
	kind, key := p.text("kind"), p.text("key")
	if p.err != nil {
		return nil, p.err
	}
	t, found, err := log.Task(r.Context(), kind, key)
	return task{Found: found, Attempt: t.Attempt, Due: t.Due, LastError: t.LastError}, err
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failure{Title: http.StatusText(status), Status: status, Detail: detail})
}
