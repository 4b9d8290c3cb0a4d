package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/embedded"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// LocalConfig says how to run the whole platform in one process. The zero value keeps nothing: everything is embedded, on
// free ports, and gone afterwards.
type LocalConfig struct {
	DataDir     string // where embedded parts keep their data; empty keeps nothing
	HTTPAddr    string // empty: a free port on loopback
	DatabaseURL string // a Postgres server to use instead of the embedded one; its role may create databases
	Brokers     []string

	// UnsafeDurability accepts a given server that loses acknowledged events in a crash. One that keeps nothing may anyway.
	UnsafeDurability bool

	SlowPayment    time.Duration     // how long the payment simulator lets pm_slow wait; 0: its default
	PaymentTimeout time.Duration     // of one call to it, as in Config
	Deadlines      fulfilment.Within // as in Config
	ProductTTL     time.Duration     // as in Config
	Logger         *slog.Logger
}

// brokerPort is Kafka's. The embedded broker of a data folder listens there if it is free, else on any free port.
const brokerPort = 9092

// Local is a platform with everything it needs. Development only: the broker is in memory and nothing is encrypted.
type Local struct {
	*Platform
	Brokers   []string
	Databases map[string]string // connection URL by service, of the role it runs under
	Owners    map[string]string // the same for the role that makes its tables; none if that is the same role
	Provider  *psp.Simulator

	embedded []func(context.Context) error // stops the embedded parts, last one first
	failed   chan error                    // an embedded part that ended by itself
}

// NewLocal starts the embedded parts and builds the platform on them. Run or Close ends them.
func NewLocal(ctx context.Context, c LocalConfig) (_ *Local, err error) {
	l := &Local{failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.stopEmbedded(ctx))
		}
	}()
	if c.HTTPAddr == "" {
		c.HTTPAddr = "127.0.0.1:0"
	}
	listener, err := listen(ctx, c.HTTPAddr) // the likeliest reason not to start, and the quickest to find
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = listener.Close()
		}
	}()
	if len(c.Brokers) > 0 {
		if err := reachBrokers(ctx, c.Brokers); err != nil {
			return nil, err
		}
	}
	if err := l.startDatabases(ctx, c); err != nil {
		return nil, err
	}
	if err := l.startBroker(c); err != nil {
		return nil, err
	}
	provider, err := l.startProvider(ctx, c)
	if err != nil {
		return nil, err
	}
	logs, err := listen(ctx, "127.0.0.1:0") // never anywhere else: it knows no access rules
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = logs.Close()
		}
	}()
	holder := ""
	if c.DatabaseURL == "" {
		holder = "embedded" // nobody else can use this server: a lease that is still held is that of our killed predecessor
	}
	l.Platform, err = New(ctx, Config{
		Databases:        l.Databases,
		Owners:           l.Owners,
		Holder:           holder,
		Brokers:          l.Brokers,
		PaymentProvider:  provider,
		Listener:         listener,
		LogListener:      logs,
		Logger:           c.Logger,
		DisposableBroker: len(c.Brokers) == 0,
		UnsafeDurability: c.UnsafeDurability || c.DataDir == "" && c.DatabaseURL == "",
		Deadlines:        c.Deadlines,
		PaymentTimeout:   c.PaymentTimeout,
		ProductTTL:       c.ProductTTL,
	})
	return l, err
}

// Run runs the platform until ctx ends or something fails, then stops everything.
func (l *Local) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-l.failed:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	err := l.Platform.Run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	select {
	case err = <-l.failed: // a moment after ctx has ended
	default:
	}
	return errors.Join(err, l.stopEmbedded(ctx))
}

// Close ends a local platform that was never run.
func (l *Local) Close() error {
	l.Platform.Close()
	return l.stopEmbedded(context.Background())
}

func (l *Local) stopEmbedded(ctx context.Context) error {
	var errs []error
	for _, stop := range slices.Backward(l.embedded) {
		errs = append(errs, stop(context.WithoutCancel(ctx)))
	}
	l.embedded = nil
	return errors.Join(errs...)
}

// startDatabases gives every service a database of its own.
func (l *Local) startDatabases(ctx context.Context, c LocalConfig) error {
	l.Databases, l.Owners = map[string]string{}, map[string]string{}
	if c.DatabaseURL != "" {
		return l.useServer(ctx, c)
	}
	config := embedded.PostgresConfig{Ephemeral: c.DataDir == "", Log: c.Logger}
	if c.DataDir != "" {
		config.DataDir = filepath.Join(c.DataDir, "postgres")
	}
	server, err := embedded.StartPostgres(ctx, config)
	if err != nil {
		return err
	}
	l.embedded = append(l.embedded, server.Stop)
	go func() {
		<-server.Done()
		if err := server.Err(); err != nil {
			l.failed <- err
		}
	}()
	for _, service := range Services() {
		database, err := server.EnsureDatabase(ctx, service)
		if err != nil {
			return err
		}
		l.Databases[service], l.Owners[service] = database.Runtime, database.Owner
	}
	return nil
}

// reachBrokers asks for one answer of one broker. What comes next would try for long, and log each attempt.
func reachBrokers(ctx context.Context, brokers []string) error {
	client, err := kafka.Config{Brokers: brokers}.NewClient(kgo.RequestTimeoutOverhead(reachLimit)) // Close waits for this
	if err != nil {
		return err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	if err := client.Ping(limited); err != nil && ctx.Err() == nil {
		return &ServerError{Server: KafkaServer, Addr: strings.Join(brokers, ", "), Err: err}
	}
	return ctx.Err()
}

// The servers that can be given in place of the embedded ones.
const (
	PostgresServer = "Postgres"
	KafkaServer    = "Kafka"

	reachLimit = 5 * time.Second // for the first answer of a given server
)

// ServerError says that a server given in place of an embedded one cannot be used.
type ServerError struct {
	Server string // PostgresServer or KafkaServer
	Addr   string // host:port, nothing secret
	Err    error
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("cannot use %s at %s: %s", e.Server, e.Addr, e.reason())
}

func (e *ServerError) Unwrap() error { return e.Err }

// Unreachable tells whether no answer came at all.
func (e *ServerError) Unreachable() bool {
	var said *pgconn.PgError
	var errno syscall.Errno
	var dns *net.DNSError
	return !errors.As(e.Err, &said) && (errors.As(e.Err, &errno) || errors.As(e.Err, &dns) || timedOut(e.Err))
}

// reason is the part of the error that helps: clients tell about each of their attempts.
func (e *ServerError) reason() string {
	var said *pgconn.PgError
	var errno syscall.Errno
	var dns *net.DNSError
	switch {
	case errors.As(e.Err, &said):
		return said.Message
	case errors.As(e.Err, &errno):
		return errno.Error()
	case errors.As(e.Err, &dns):
		return dns.Err
	case timedOut(e.Err):
		return fmt.Sprintf("no answer within %s", reachLimit)
	}
	text := e.Err.Error()
	if connect, ok := errors.AsType[*pgconn.ConnectError](e.Err); ok {
		text = connect.Unwrap().Error()
	}
	return text[strings.LastIndex(text, "\n")+1:]
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// startBroker starts the embedded broker, unless there are real ones.
func (l *Local) startBroker(c LocalConfig) error {
	if len(c.Brokers) > 0 {
		l.Brokers = c.Brokers
		return nil
	}
	port := 0
	if c.DataDir != "" {
		port = brokerPort
	}
	broker, err := embedded.StartBroker(embedded.BrokerConfig{Port: port, Log: c.Logger})
	if _, ok := errors.AsType[*embedded.PortTakenError](err); ok {
		broker, err = embedded.StartBroker(embedded.BrokerConfig{Log: c.Logger})
	}
	if err != nil {
		return err
	}
	l.embedded = append(l.embedded, func(context.Context) error { broker.Close(); return nil })
	l.Brokers = broker.Addrs()
	return nil
}

// startProvider serves the payment simulator on a free port, with its ledger beside the data.
func (l *Local) startProvider(ctx context.Context, c LocalConfig) (base string, err error) {
	config := psp.SimulatorConfig{SlowDelay: c.SlowPayment}
	if c.DataDir != "" {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return "", err
		}
		config.LedgerFile = filepath.Join(c.DataDir, "provider.jsonl")
	}
	if l.Provider, err = psp.NewSimulator(config); err != nil {
		return "", err
	}
	l.embedded = append(l.embedded, func(context.Context) error { return l.Provider.Close() })
	listener, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: l.Provider, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			l.failed <- fmt.Errorf("payment simulator: %w", err)
		}
	}()
	l.embedded = append(l.embedded, func(context.Context) error { return server.Close() })
	return "http://" + listener.Addr().String(), nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("serve HTTP: %w", err)
	}
	return listener, nil
}
