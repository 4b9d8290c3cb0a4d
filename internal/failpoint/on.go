//go:build failpoint && unix

package failpoint

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Enabled tells whether this program obeys fail points.
const Enabled = true

const (
	envPoints = "ORDO_FAILPOINTS"
	envLog    = "ORDO_FAILPOINT_LOG"
	envMutant = "ORDO_MUTANT"
)

// Hit says that a point is reached. It returns an error if one was asked for, or does not return at all.
func Hit(point Point, who string) error {
	for _, o := range orders() {
		if o.point != point || o.who != "" && o.who != who {
			continue
		}
		if n := o.hits.Add(1); n == o.at {
			note(point, who, o.action, n)
			if err := o.execute(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Is tells whether the program is to make a mistake.
func Is(m Mutant) bool { return mutant() == m }

var (
	mutant = sync.OnceValue(func() Mutant { return Mutant(os.Getenv(envMutant)) })
	orders = sync.OnceValue(func() []*order {
		parsed, err := parse(os.Getenv(envPoints))
		if err != nil {
			panic(err) // a test whose order is not understood must not look like one that passed
		}
		return parsed
	})
)

// order is what to do at a point.
type order struct {
	point  Point
	who    string // empty: anyone
	action string
	pause  time.Duration
	at     int64 // the hit that counts, from 1
	hits   atomic.Int64
}

func (o *order) execute() error {
	switch o.action {
	case "kill":
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // the signal may take a moment
	case "stop":
		// The thread that asks goes on for a moment, long enough to send the next request.
		goOn := make(chan os.Signal, 1)
		signal.Notify(goOn, syscall.SIGCONT)
		defer signal.Stop(goOn)
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGSTOP); err != nil {
			return err
		}
		<-goOn
		return nil
	case "sleep":
		time.Sleep(o.pause) //nolint:forbidigo // that is the point
		return nil
	case "hold":
		for _, err := os.Stat(os.Getenv(envLog)); err == nil; _, err = os.Stat(os.Getenv(envLog)) {
			time.Sleep(time.Millisecond) //nolint:forbidigo // another process is waited for
		}
		return nil
	default:
		return fmt.Errorf("fail point %s", o.point)
	}
}

// parse reads point[:who]=action[:duration]@n, separated by commas.
func parse(text string) ([]*order, error) {
	var parsed []*order
	for item := range strings.SplitSeq(text, ",") {
		if item == "" {
			continue
		}
		o, err := parseOrder(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", envPoints, item, err)
		}
		parsed = append(parsed, o)
	}
	return parsed, nil
}

func parseOrder(text string) (*order, error) {
	place, what, found := strings.Cut(text, "=")
	action, at, counted := strings.Cut(what, "@")
	if !found || !counted {
		return nil, fmt.Errorf("want point[:who]=action@n")
	}
	point, who, _ := strings.Cut(place, ":")
	action, pause, _ := strings.Cut(action, ":")
	o := &order{point: Point(point), who: who, action: action}
	var err error
	if o.at, err = strconv.ParseInt(at, 10, 64); err != nil || o.at < 1 {
		return nil, fmt.Errorf("want a number after @")
	}
	switch action {
	case "kill", "stop", "error", "hold":
	case "sleep":
		if o.pause, err = time.ParseDuration(pause); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("no such action")
	}
	return o, nil
}

// note writes to the log before anything happens.
func note(point Point, who, action string, n int64) {
	path := os.Getenv(envLog)
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the test that started us says where
	if err == nil {
		_, err = fmt.Fprintf(file, "%s %s %s %d\n", point, who, action, n)
	}
	if err != nil {
		panic(err)
	}
	_ = file.Close()
}
