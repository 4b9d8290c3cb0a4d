package client

import (
	"context"
	"net/http"
)

// Health is the answer of /readyz?verbose, in the shape of application/health+json.
type Health struct {
	Status string                   `json:"status"`
	Checks map[string][]HealthCheck `json:"checks"` // name -> one entry for each thing observed
}

// HealthCheck is the state of one thing the platform needs.
type HealthCheck struct {
	ComponentID string `json:"componentId"`
	Status      string `json:"status"`
	Output      string `json:"output"` // why it is not well
}

// Red tells whether a status means that requests cannot be served; a warning does not.
func Red(status string) bool { return status != "pass" && status != "warn" }

// Ready asks whether the platform is ready to serve. That it is not is an answer, not an error.
func (c *Client) Ready(ctx context.Context) (Answer[Health], error) {
	return decode[Health](c.send(ctx, request{
		method: http.MethodGet,
		path:   "/readyz",
		query:  map[string][]string{"verbose": {""}},
		accept: []int{http.StatusServiceUnavailable},
	}))
}
