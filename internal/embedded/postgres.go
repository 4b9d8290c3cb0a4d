package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	superuser  = "postgres"
	clusterDir = "cluster"
	logFile    = "postgres.log"

	// startLimit bounds the wait for a server that is recovering after a crash.
	startLimit = 2 * time.Minute
	// stopLimit is how long a fast shutdown may take (its checkpoint) before the server is stopped without one.
	stopLimit = 30 * time.Second
	// startAttempts is how often a start is tried: a chosen free port can be taken meanwhile, and the processes of a
	// killed server need a moment to let go of its memory.
	startAttempts = 5
)

// PostgresConfig says where a server keeps its data and how. The zero value is not usable: give DataDir or Ephemeral.
type PostgresConfig struct {
	// DataDir is the folder for the cluster, its log and its passwords; created if need be.
	DataDir string
	// Ephemeral trades safety for speed: no fsync, so the data survives the death of processes but not of the machine.
	// Without a DataDir the server lives in a temporary folder that Stop removes.
	Ephemeral bool
	// Port to listen on. Zero means the one this data folder had last time if it is free, else any free one.
	Port int
	// BinDir is the folder with the programs of Postgres. Empty means ORDO_POSTGRES_BIN, else found or downloaded.
	BinDir string
	// Settings are more of the server's settings, as in "fsync=off". They win over ours.
	Settings []string
	// Log gets a line about each step that takes long. Nil means silence.
	Log *slog.Logger
}

// Postgres is a running server. It is safe for concurrent use.
type Postgres struct {
	config  PostgresConfig
	dir     string
	cluster cluster
	unlock  func()
	server  *child
	port    int

	stopping    atomic.Bool
	logStartsAt int64 // size of the log before this start

	mu      sync.Mutex
	secrets secrets // guarded by mu; its file too
}

// StartPostgres starts the server of a data folder, making the folder first if there is none, and returns when it
// accepts connections. ctx bounds the start only; the server runs until [Postgres.Stop] or the end of this process.
//
// Folder layout (version 1): lock, version, secrets.json (0600), postgres.log, cluster/ (Postgres's own).
func StartPostgres(ctx context.Context, config PostgresConfig) (_ *Postgres, err error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	p := &Postgres{config: config, dir: config.DataDir}
	if p.dir == "" {
		if !config.Ephemeral {
			return nil, errors.New("start postgres: no data folder given")
		}
		if p.dir, err = makeTempDir(); err != nil {
			return nil, fmt.Errorf("start postgres: %w", err)
		}
	}
	if p.dir, err = filepath.Abs(p.dir); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	if p.unlock, err = LockDataDir(p.dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.cleanUp()
		}
	}()
	if err := p.start(ctx); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return p, nil
}

func (p *Postgres) start(ctx context.Context) error {
	p.cluster.dir = filepath.Join(p.dir, clusterDir)
	var err error
	if p.cluster.as, err = pickAccount(p.cluster.dir); err != nil {
		return err
	}
	major, err := p.cluster.major()
	if err != nil {
		return err
	}
	b, err := findBinaries(ctx, p.config.BinDir, major, p.config.Log)
	if err != nil {
		return err
	}
	if major == 0 {
		if err := p.makeCluster(ctx, b); err != nil {
			return err
		}
	}
	s, err := readSecrets(p.dir)
	if err != nil {
		return err
	}
	if err := p.cluster.stopLeftover(ctx, p.config.Log); err != nil {
		return err
	}
	if err := p.launch(ctx, b, s.Port); err != nil {
		return err
	}
	if s.Port != p.port && p.config.Port == 0 {
		s.Port = p.port
		if err := s.write(p.dir); err != nil {
			return errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
		}
	}
	p.secrets = s
	return nil
}

// makeCluster fills an empty data folder.
func (p *Postgres) makeCluster(ctx context.Context, b binaries) error {
	if p.config.Ephemeral {
		return p.copyTemplate(ctx, b)
	}
	p.config.Log.Info("making a database cluster", "folder", p.dir, "postgres", b.version())
	return initDataDir(ctx, p.cluster, b, false)
}

// initDataDir runs initdb. The secrets are on disk before the cluster that needs them.
func initDataDir(ctx context.Context, c cluster, b binaries, ephemeral bool) error {
	dir := filepath.Dir(c.dir)
	s, err := readSecrets(dir)
	if err != nil {
		return err
	}
	if err := s.write(dir); err != nil {
		return err
	}
	return c.init(ctx, b, s.Superuser, ephemeral)
}

// launch runs the server until it is ready, with another port or after a pause if it ended at once.
func (p *Postgres) launch(ctx context.Context, b binaries, lastPort int) error {
	for attempt := 1; ; attempt++ {
		port, err := choosePort(ctx, p.config.Port, lastPort)
		if err != nil {
			return err
		}
		err = p.launchOnce(ctx, b, port)
		if err == nil {
			return nil
		}
		if attempt == startAttempts || ctx.Err() != nil || !errors.Is(err, errEndedAtOnce) {
			return err
		}
		if err := pause(ctx, time.Duration(attempt)*100*time.Millisecond); err != nil {
			return err
		}
	}
}

// errEndedAtOnce marks a server that ended before it was ready.
var errEndedAtOnce = errors.New("the server ended at once")

func (p *Postgres) launchOnce(ctx context.Context, b binaries, port int) error {
	log, err := openLog(filepath.Join(p.dir, logFile))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if info, err := log.Stat(); err == nil {
		p.logStartsAt = info.Size()
	}
	// The server lives on after the start that ctx is for.
	cmd, release, err := p.cluster.command(context.WithoutCancel(ctx), b.postgres(), settings(port, p.config)...)
	if err != nil {
		return err
	}
	defer release()
	cmd.Stdout, cmd.Stderr = log, log
	onParentDeath := signalFast
	if p.config.Ephemeral {
		onParentDeath = signalImmediate
	}
	server, err := startChild(cmd, onParentDeath)
	if err != nil {
		return fmt.Errorf("run %s: %w", b.postgres(), err)
	}
	if err := p.awaitReady(ctx, server); err != nil {
		server.signal(signalImmediate)
		<-server.done
		return err
	}
	p.server, p.port = server, port
	return nil
}

// awaitReady watches the status that the server writes into its pid file. Asking by connection would fill the log with
// refusals while it recovers.
func (p *Postgres) awaitReady(ctx context.Context, server *child) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for start, told := time.Now(), false; ; {
		if server.ended() {
			return fmt.Errorf("%w: %s", errEndedAtOnce, p.lastWords())
		}
		if status, pid := p.cluster.status(); pid == server.pid() && (status == statusReady || status == statusStandby) {
			return nil
		}
		if !told && time.Since(start) > 3*time.Second {
			told = true
			p.config.Log.Info("postgres is still starting (it recovers after a crash)", "log", filepath.Join(p.dir, logFile))
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("the server was not ready in time (see %s): %w", filepath.Join(p.dir, logFile), err)
		}
	}
}

// URL is the address of the given database for the superuser.
func (p *Postgres) URL(database string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address(superuser, p.secrets.Superuser, database)
}

func (p *Postgres) address(user, password, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable", // loopback; the server has no certificate
	}
	return u.String()
}

// Port is where the server listens on 127.0.0.1.
func (p *Postgres) Port() int { return p.port }

// Dir is the data folder, a temporary one if none was given.
func (p *Postgres) Dir() string { return p.dir }

// PID is the server's main process.
func (p *Postgres) PID() int { return p.server.pid() }

// Done is closed when the server has ended, by Stop or on its own.
func (p *Postgres) Done() <-chan struct{} { return p.server.done }

// Err tells why the server ended without Stop; nil while it runs and after Stop.
func (p *Postgres) Err() error {
	if !p.server.ended() || p.stopping.Load() {
		return nil
	}
	if p.server.err == nil { // someone else told it to stop
		return fmt.Errorf("postgres was stopped: %s", p.lastWords())
	}
	return fmt.Errorf("postgres ended on its own: %w: %s", p.server.err, p.lastWords())
}

// Stop ends the server: fast shutdown, after 30 seconds or the end of ctx without a last checkpoint (the next start then
// recovers). It unlocks the data folder, and removes it if it was a temporary one. Calling it again does nothing.
func (p *Postgres) Stop(ctx context.Context) error {
	if p.stopping.Swap(true) {
		<-p.server.done
		return nil
	}
	defer p.cleanUp()
	wasRunning := !p.server.ended()
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	p.server.signal(signalFast)
	select {
	case <-p.server.done:
	case <-ctx.Done():
		p.server.signal(signalImmediate)
		select {
		case <-p.server.done:
		case <-time.After(5 * time.Second): // it kills its children itself after 5 s of waiting, so this is a wreck
			p.server.signal(signalKill)
			<-p.server.done
		}
		return fmt.Errorf("stop postgres: not in time, ended without a checkpoint: %w", ctx.Err())
	}
	if wasRunning && p.server.err != nil {
		return fmt.Errorf("stop postgres: %w: %s", p.server.err, p.lastWords())
	}
	return nil
}

// Kill ends the server's processes as a crash would, all at once and without a chance to write anything. It is for tests
// of recovery; Stop must still be called.
func (p *Postgres) Kill() {
	// Held still, the main process can neither replace a killed child nor tell the others to leave in order.
	p.server.signal(signalPause)
	children := childrenOf(p.PID())
	p.server.signal(signalKill)
	for _, pid := range children {
		kill(pid, signalKill)
	}
	<-p.server.done
}

func (p *Postgres) cleanUp() {
	if p.config.DataDir == "" {
		if err := os.RemoveAll(p.dir); err != nil {
			p.config.Log.Warn("temporary folder not removed", "error", err)
		}
	}
	p.unlock()
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
