package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/logapi"
)

// logOf is the log that fills a topic.
func (p *Platform) logOf(topic string) (logapi.Log, error) {
	service, _ := kafka.ServiceOf(topic)
	return p.serviceLog(service)
}

// serviceLog is the log of a service: of this process, or over HTTP that of another.
func (p *Platform) serviceLog(service string) (logapi.Log, error) {
	if address, elsewhere := p.config.Logs[service]; elsewhere {
		return logapi.NewClient(address, service)
	}
	s := p.services[service]
	if s == nil || s.store == nil {
		return nil, fmt.Errorf("no log of %s: neither run here nor told where", service)
	}
	return s.store, nil
}

// LogAddr is where the logs of this process's services are served, empty for nowhere.
func (p *Platform) LogAddr() string {
	if p.config.LogListener == nil {
		return ""
	}
	return p.config.LogListener.Addr().String()
}

// serveLogs lets other processes read the logs of this one and ask how it is, until ctx ends: also while it stops.
func (p *Platform) serveLogs(ctx context.Context) error {
	logs := map[string]logapi.Log{}
	for name, s := range p.services {
		if s.store != nil {
			logs[name] = s.store
		}
	}
	mux := http.NewServeMux()
	log := logapi.Handler(logs, p.config.Logger)
	mux.Handle("/internal/v1/log/", log)
	mux.Handle("/internal/v1/log", log)
	mux.HandleFunc("GET "+StatusPath, p.serveStatus)
	mux.Handle("/", p.internal)
	server := httpapi.NewServer(p.config.LogListener.Addr().String(), mux)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(p.config.LogListener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	_ = server.Close() // whoever reads tries again elsewhere
	if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
