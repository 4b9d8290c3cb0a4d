package app

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/consumer"
)

// StatusPath is where a process tells about itself, on the listener for other processes.
const StatusPath = "/internal/v1/status"

const statusTimeout = 2 * time.Second

// Instance is one running process.
type Instance struct {
	Name      string          `json:"instance"` // its name in leases
	Version   string          `json:"version"`
	StartedAt time.Time       `json:"started_at"`
	Ready     bool            `json:"ready"`
	Problem   string          `json:"problem,omitempty"` // why it is not ready
	Services  []ServiceStatus `json:"services"`
}

// ServiceStatus is what a process has of a service.
type ServiceStatus struct {
	Name      string           `json:"service"`
	Relay     string           `json:"relay,omitempty"` // publishes, waits or stopped; empty for a service without a log
	Published int64            `json:"published_position,omitempty"`
	Leases    []LeaseStatus    `json:"leases,omitempty"`
	Consumers []ConsumerStatus `json:"consumers,omitempty"`
}

// LeaseStatus is a lease as the service's database has it, the same for all replicas.
type LeaseStatus struct {
	Name   string `json:"lease"`
	Holder string `json:"holder"`
	Epoch  int64  `json:"epoch"`
	Held   bool   `json:"held"`
}

// ConsumerStatus is a member of a consumer group.
type ConsumerStatus struct {
	Name       string             `json:"consumer"`
	Joined     bool               `json:"joined"`
	Partitions map[string][]int32 `json:"partitions"` // that this member holds, by topic
	Behind     int64              `json:"events_behind"`
	Seconds    float64            `json:"lag_seconds"`
	Problem    string             `json:"problem,omitempty"`
}

// Status is how this process is doing.
func (p *Platform) Status(ctx context.Context) Instance {
	i := Instance{Name: p.config.Holder, Version: version(), StartedAt: p.started.UTC(), Ready: true}
	if err := p.check(ctx); err != nil {
		i.Ready, i.Problem = false, err.Error()
	}
	for _, name := range p.config.services() {
		i.Services = append(i.Services, p.services[name].status(ctx))
	}
	return i
}

func (s *service) status(ctx context.Context) ServiceStatus {
	status := ServiceStatus{Name: s.name}
	if s.relay != nil {
		relay := s.relay.Status()
		status.Published = int64(relay.Position)
		switch {
		case relay.Running:
			status.Relay = "publishes"
		case relay.Waiting:
			status.Relay = "waits"
		default:
			status.Relay = "stopped"
		}
	}
	if s.store != nil {
		leases, _ := s.store.Leases(ctx) // a database that does not answer is said elsewhere
		for _, l := range leases {
			status.Leases = append(status.Leases, leaseStatus(l))
		}
	}
	members := slices.Clone(s.consumers)
	for _, p := range s.projections {
		members = append(members, p.members()...)
	}
	for _, c := range members {
		status.Consumers = append(status.Consumers, consumerStatus(c))
	}
	slices.SortFunc(status.Consumers, func(a, b ConsumerStatus) int { return cmp.Compare(a.Name, b.Name) })
	return status
}

func leaseStatus(l eventpg.LeaseState) LeaseStatus {
	return LeaseStatus{Name: l.Name, Holder: l.Holder, Epoch: l.Epoch, Held: l.Held}
}

func consumerStatus(c *consumer.Consumer) ConsumerStatus {
	s := c.Status()
	status := ConsumerStatus{Name: c.Name(), Joined: s.Joined, Partitions: map[string][]int32{}}
	for _, p := range s.Partitions {
		if p.Assigned {
			status.Partitions[p.Topic] = append(status.Partitions[p.Topic], p.Partition)
		}
	}
	for _, lag := range s.Lag {
		status.Behind += lag.Events
		if lag.Events > 0 {
			status.Seconds = max(status.Seconds, time.Since(lag.Oldest).Seconds())
		}
	}
	if err := s.Err(); err != nil {
		status.Problem = err.Error()
	}
	return status
}

// members are the consumers that feed a read model's generations here.
func (p *projection) members() []*consumer.Consumer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var members []*consumer.Consumer
	for _, c := range p.feeding {
		members = append(members, c)
	}
	return members
}

func (p *Platform) serveStatus(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), statusTimeout)
	defer cancel()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p.Status(ctx)) // an error is that of the connection
}
