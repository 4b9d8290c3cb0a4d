package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/psp"
)

// Time each stage gets to stop; together they stay below what an operator waits for.
const (
	drainRequests = 2 * time.Second
	drainWork     = 2 * time.Second
	drainRelays   = 2 * time.Second
	drainStores   = 2 * time.Second

	// giveUp is after how long a component that was told to stop gives up what it has in hand. It is less than a stage has,
	// for what comes then: connections are closed, groups left, leases released, so that others need not wait for our silence.
	giveUp = time.Second
)

// Platform is the services of one process.
type Platform struct {
	config   Config
	services map[string]*service
	waiter   *consumer.Waiter // views only
	listener net.Listener
	server   *http.Server
	internal http.Handler
	started  time.Time
	draining atomic.Bool
}

// New opens databases, brings their tables up to date, makes missing topics and builds every service; with Config.Prepared
// it checks tables and topics instead. It starts nothing, but what it opened is held until Run returns or Close is called.
func New(ctx context.Context, c Config) (_ *Platform, err error) {
	c.Holder = c.holder()
	p := &Platform{config: c, listener: c.Listener, services: map[string]*service{}, started: time.Now()}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	withTopics := kafka.EnsureTopics
	if c.Prepared {
		withTopics = kafka.CheckTopics
	}
	if err := onTopics(ctx, c, withTopics); err != nil {
		return nil, err
	}
	if err := p.openServices(ctx); err != nil {
		return nil, err
	}
	if err := p.connect(); err != nil {
		return nil, err
	}
	api, err := p.api()
	if err != nil {
		return nil, err
	}
	p.server, p.internal = httpapi.NewServer(p.Addr(), api), api.Internal()
	return p, nil
}

func (p *Platform) openServices(ctx context.Context) error {
	opened := make([]*service, len(p.config.services()))
	g, gctx := errgroup.WithContext(ctx)
	for i, name := range p.config.services() {
		g.Go(func() (err error) {
			opened[i], err = openService(gctx, name, p.config)
			return err
		})
	}
	err := g.Wait()
	for _, s := range opened {
		if s != nil {
			p.services[s.name] = s
		}
	}
	return err
}

// Addr is where the API is served.
func (p *Platform) Addr() string { return p.listener.Addr().String() }

// Run runs the platform until ctx ends or a part of it fails, then stops it: first what takes work in, last what stores it.
func (p *Platform) Run(ctx context.Context) error {
	defer p.Close()
	var s stages
	stores := s.add("event stores", drainStores)
	relays := s.add("relays", drainRelays)
	work := s.add("consumers", drainWork)
	requests := s.add("HTTP", drainRequests+time.Second)
	for _, service := range p.services {
		if service.store != nil {
			stores.add(service.name+" store", service.store.Run)
			relays.add(service.name+" relay", service.runRelay)
		}
		if service.commands != nil {
			work.add(service.name+" snapshots", func(ctx context.Context) error { return service.commands.Run(ctx, service.log) })
		}
		for _, c := range service.consumers {
			work.add("consumer "+c.Name(), c.Run)
		}
		for _, projection := range service.projections {
			work.add("projection "+projection.model.Consumer(), projection.Run)
		}
		if service.worker != nil {
			work.add("payment worker", service.worker.Run)
		}
		if service.deadlines != nil {
			work.add("deadlines", service.deadlines.Run)
		}
	}
	if p.waiter != nil {
		work.add("read-your-writes", p.waiter.Run)
	}
	if p.services[Orders] != nil || p.services[Views] != nil {
		work.add("product caches", p.followProducts)
	}
	if p.config.LogListener != nil {
		relays.add("log API", p.serveLogs)
	}
	requests.add("HTTP", p.serve)
	ctx, cancel := p.drained(ctx)
	defer cancel()
	return s.run(ctx)
}

// drained returns a context that ends some time after ctx: until then this process says that it is not ready, and still
// serves those who have not heard of it.
func (p *Platform) drained(ctx context.Context) (context.Context, context.CancelFunc) {
	until, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		p.draining.Store(true)
		timer := time.NewTimer(p.config.DrainDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-until.Done(): // something has failed
		}
	})
	return until, func() {
		stop()
		cancel()
	}
}

// serve answers requests until ctx ends, then lets those under way finish.
func (p *Platform) serve(ctx context.Context) error {
	var unused sync.Map // connections on which no request has been sent, which browsers open to spare
	p.server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateNew {
			unused.Store(conn, nil)
		} else {
			unused.Delete(conn)
		}
	}
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Serve(p.listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	// Shutdown would wait for unused connections, in case a request is about to come.
	_ = p.listener.Close()
	unused.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close() //nolint:forcetypeassert // nothing else is stored
		return true
	})
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainRequests)
	defer cancel()
	if err := p.server.Shutdown(drain); err != nil {
		_ = p.server.Close() // those that are left are cut off
	}
	if err := <-stopped; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Close gives up what New opened. Run does it by itself.
func (p *Platform) Close() {
	_ = p.listener.Close() // closed before, if it was served
	if p.config.LogListener != nil {
		_ = p.config.LogListener.Close()
	}
	for _, s := range p.services {
		s.close()
	}
}

// WaitReady returns when every part works. It gives up when ctx ends, or at once on what waiting cannot heal, and says what
// does not work.
func (p *Platform) WaitReady(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := p.check(ctx)
		if err == nil || relay.IsPermanent(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", err)
		case <-ticker.C:
		}
	}
}

// check asks every health check once that says whether requests can be served.
func (p *Platform) check(ctx context.Context) error {
	for _, c := range p.checks() {
		if err := c.Check(ctx); err != nil && !c.Warns {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

func (p *Platform) checks() []httpapi.Check {
	checks := []httpapi.Check{{Name: "draining", Check: func(context.Context) error {
		if p.draining.Load() {
			return errDraining
		}
		return nil
	}}}
	for _, name := range p.config.services() {
		checks = append(checks, p.services[name].checks()...)
	}
	return checks
}

var errDraining = errors.New("this process is stopping, it takes no new work")

// api puts the routes of every service of this process on one handler.
func (p *Platform) api() (*httpapi.API, error) {
	key := p.config.CursorKey
	if len(key) == 0 {
		key = make([]byte, httpapi.MinCursorKeyLength) // list cursors end with the process
		_, _ = rand.Read(key)                          // never fails
	}
	c := httpapi.Config{
		Health:         p.checks(),
		HealthApart:    p.config.HealthApart,
		PaymentMethods: psp.Methods(),
		CursorKey:      key,
		Logger:         p.config.Logger,
		Clock:          time.Now,
		Version:        version(),
	}
	var err error
	for name, s := range p.services {
		switch name {
		case Orders:
			if c.Orders, err = p.ordersAPI(s); err != nil {
				return nil, err
			}
		case Inventory:
			c.Inventory = s.commandsAPI()
		case Payments:
			c.Payments = &httpapi.Payments{Log: s.store}
		case Catalog:
			c.Catalog = s.commandsAPI()
		case Customers:
			c.Customers = s.commandsAPI()
		case Views:
			c.Views = s.viewsAPI(p.waiter)
		}
	}
	if c.Process, err = p.processAPI(); err != nil {
		return nil, err
	}
	return httpapi.New(c)
}

// version is that of the module this program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

// Published is the position up to which a service's log is on its topic.
func (p *Platform) Published(service string) eventstore.Position {
	return p.services[service].relay.Status().Position
}
