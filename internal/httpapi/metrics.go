package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// metrics counts requests, for /metrics.
type metrics struct {
	mu       sync.Mutex
	requests map[string]int64 // by labels
}

func (m *metrics) count(r *http.Request, status int) {
	method := r.Method
	if r.Pattern == "" {
		method = "other" // whatever strangers make up must not become a label
	}
	labels := fmt.Sprintf(`method=%q,route=%q,status="%d"`, method, routeOf(r), status)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.requests == nil {
		m.requests = map[string]int64{}
	}
	m.requests[labels]++
}

// text is the Prometheus exposition format.
func (m *metrics) text(version string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	b.WriteString("# HELP ordo_build_info The program that runs.\n# TYPE ordo_build_info gauge\n")
	fmt.Fprintf(&b, "ordo_build_info{version=%q} 1\n", version)
	b.WriteString("# HELP ordo_http_requests_total Requests answered.\n# TYPE ordo_http_requests_total counter\n")
	for _, labels := range slices.Sorted(maps.Keys(m.requests)) {
		fmt.Fprintf(&b, "ordo_http_requests_total{%s} %d\n", labels, m.requests[labels])
	}
	return b.String()
}
