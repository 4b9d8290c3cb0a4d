package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// progress tells people how far long work is: on a terminal one line that renews itself, else a line every ten seconds.
type progress struct {
	out   io.Writer
	verb  string
	began time.Time

	total, done atomic.Int64 // of whatever the end is known of; total 0: it is not
	events      atomic.Int64

	ended   chan struct{}
	stopped sync.WaitGroup
	once    sync.Once
}

// startProgress begins to tell about work that is done when total is reached. Stop it.
func startProgress(cmd *cobra.Command, verb string, total int64) *progress {
	p := &progress{out: cmd.ErrOrStderr(), verb: verb, began: time.Now(), ended: make(chan struct{})}
	p.total.Store(total)
	terminal := false
	if file, ok := p.out.(*os.File); ok {
		terminal = term.IsTerminal(int(file.Fd()))
	}
	p.stopped.Go(func() { p.run(terminal) })
	return p
}

// reach says how far the work is, and how many events that were.
func (p *progress) reach(done, events int64) {
	p.done.Store(done)
	p.events.Store(events)
}

func (p *progress) stop() {
	p.once.Do(func() { close(p.ended) })
	p.stopped.Wait()
}

func (p *progress) run(terminal bool) {
	every, before, after := 10*time.Second, "", "\n"
	if terminal {
		every, before, after = 200*time.Millisecond, "\r", "\x1b[K"
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for told := false; ; told = true {
		select {
		case <-p.ended:
			if told && terminal {
				fmt.Fprint(p.out, "\r\x1b[K") // what comes next has the line for itself
			}
			return
		case <-ticker.C:
			fmt.Fprint(p.out, before+p.line(time.Since(p.began))+after)
		}
	}
}

func (p *progress) line(elapsed time.Duration) string {
	events := p.events.Load()
	line := fmt.Sprintf("%s %d events, %.0f/s", p.verb, events, float64(events)/elapsed.Seconds())
	if total := p.total.Load(); total > 0 {
		part := float64(p.done.Load()) / float64(total)
		line += fmt.Sprintf(", %.0f %%", 100*part)
		if part > 0 && part < 1 {
			line += fmt.Sprintf(", %s left", time.Duration(float64(elapsed)*(1-part)/part).Round(time.Second))
		}
	}
	return line
}
