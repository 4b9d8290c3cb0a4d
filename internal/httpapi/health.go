package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
)

// checkTimeout bounds each health check: one that does not answer has failed.
const checkTimeout = 2 * time.Second

// health is shaped like application/health+json (an expired draft, but tools know it).
type health struct {
	Status string                   `json:"status" enum:"pass,warn,fail"`
	Output string                   `json:"output,omitzero" doc:"What is not well, and why."`
	Checks map[string][]checkResult `json:"checks,omitempty" required:"false" doc:"The checks that do not pass; with ?verbose all of them."`
}

type checkResult struct {
	Status string    `json:"status" enum:"pass,warn,fail"`
	Output string    `json:"output,omitzero" doc:"Why it does not pass."`
	Time   time.Time `json:"time"`
}

const (
	pass = "pass"
	warn = "warn" // something is late, but requests are served
	down = "fail"
)

// addSystem makes the routes that every process has.
func (a *api) addSystem() {
	if a.config.HealthApart {
		return
	}
	a.handle(a.systemOperation("getLiveness", "/livez", "The process runs", health{}, "application/health+json"), a.livez)
	ready := a.systemOperation("getReadiness", "/readyz", "Everything the process needs works", health{}, "application/health+json")
	ready.Parameters = []*huma.Param{{Name: "verbose", In: "query", Description: "List all checks.", AllowEmptyValue: true, Schema: &huma.Schema{Type: huma.TypeString}}}
	ready.Responses["503"] = &huma.Response{Description: "Something does not work", Content: ready.Responses["200"].Content}
	a.handle(ready, a.readyz)
	a.handle(a.systemOperation("getMetrics", "/metrics", "Metrics for Prometheus", "", "text/plain"), a.showMetrics)
}

func (a *api) showMetrics(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", []byte(a.metrics.text(a.config.Version)))
}

func (a *api) livez(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, health{Status: pass})
}

func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	results := a.check(r.Context())
	h := health{Status: pass, Checks: map[string][]checkResult{}}
	var unwell []string
	for i, c := range a.config.Health {
		result := results[i]
		if result.Status != pass {
			unwell = append(unwell, c.Name+": "+result.Output)
		}
		if result.Status == down || h.Status == pass {
			h.Status = result.Status
		}
		if result.Status != pass || r.URL.Query().Has("verbose") {
			h.Checks[c.Name] = append(h.Checks[c.Name], result)
		}
	}
	h.Output = strings.Join(unwell, "; ")
	writeHealth(w, h)
}

// check runs all checks at once.
func (a *api) check(ctx context.Context) []checkResult {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	results := make([]checkResult, len(a.config.Health))
	var all sync.WaitGroup
	for i, c := range a.config.Health {
		all.Go(func() {
			result := checkResult{Status: pass}
			if err := c.Check(ctx); err != nil {
				result.Status, result.Output = down, err.Error()
				if c.Warns {
					result.Status = warn
				}
			}
			result.Time = a.clock().UTC()
			results[i] = result
		})
	}
	all.Wait()
	return results
}

func writeHealth(w http.ResponseWriter, h health) {
	status := http.StatusOK
	if h.Status == down {
		status = http.StatusServiceUnavailable
	}
	body, err := json.Marshal(h, json.Deterministic(true))
	if err != nil { // an error text that is not UTF-8
		body = []byte(`{"status":"` + h.Status + `"}`)
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, status, "application/health+json", body)
}
