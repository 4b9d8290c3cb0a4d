package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/internal/replay"
	"github.com/ordo-platform/ordo/projections/orderview"
)

// replayWatch shows how a replay goes: a line that is rewritten on a terminal, else a line now and then; with -o json an object
// for each.
type replayWatch struct {
	cmd      *cobra.Command
	terminal bool
	every    time.Duration
	shown    time.Time
	phase    replay.Phase
	drawn    bool
}

func newReplayWatch(cmd *cobra.Command) *replayWatch {
	w := &replayWatch{cmd: cmd, every: 10 * time.Second}
	if out, ok := cmd.ErrOrStderr().(*os.File); ok {
		if info, err := out.Stat(); err == nil {
			w.terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	switch {
	case wantsJSON(cmd):
		w.every = time.Second
	case w.terminal:
		w.every = 200 * time.Millisecond
	}
	return w
}

func (w *replayWatch) progress(p replay.Progress) {
	if p.Phase == w.phase && time.Since(w.shown) < w.every {
		return
	}
	w.phase, w.shown = p.Phase, time.Now()
	switch {
	case wantsJSON(w.cmd):
		_ = printValue(w.cmd, struct { // a reader that is gone ends the command by signal
			Type string `json:"type"`
			replay.Progress
		}{"progress", p})
	case w.terminal:
		_, _ = fmt.Fprintf(w.cmd.ErrOrStderr(), "\r\x1b[K%s", progressLine(p, true))
		w.drawn = true
	default:
		say(w.cmd, "%s", progressLine(p, false))
	}
}

// end leaves the terminal on a new line.
func (w *replayWatch) end() {
	if w.drawn {
		_, _ = fmt.Fprintln(w.cmd.ErrOrStderr())
	}
}

func progressLine(p replay.Progress, bar bool) string {
	line := fmt.Sprintf("generation %d: %s", p.Generation, p.Phase)
	if p.Target == 0 {
		return line
	}
	if bar {
		const width = 24
		done := int(width * min(1, float64(p.Position)/float64(p.Target)))
		line += " ["
		for i := range width {
			if i < done {
				line += "="
			} else {
				line += " "
			}
		}
		line += "]"
	}
	line += fmt.Sprintf(" %d/%d", p.Position, p.Target)
	if p.Rate > 0 {
		line += fmt.Sprintf(", %.0f events/s, %d slices, lag %d, ETA %s", p.Rate, p.Slices, p.Lag, p.ETA.Round(time.Second))
	}
	return line
}

// printReplay writes what a replay has done and found.
func printReplay(cmd *cobra.Command, kept readmodels.Kept, o replay.Options, result replay.Result, err error) error {
	if result.Number == 0 {
		return nil // it did not come to anything
	}
	if wantsJSON(cmd) {
		if err != nil && result.Report == nil {
			return nil
		}
		return printValue(cmd, struct {
			Type       string `json:"type"`
			Projection string `json:"projection"`
			State      string `json:"state"`
			Checksum   string `json:"checksum,omitempty"`
			replay.Result
		}{"result", kept.Name, string(result.Generation.State), result.Generation.Checksum, result})
	}
	if report := result.Report; report != nil && report.Different > 0 {
		if err := printDifferences(cmd, *report); err != nil {
			return err
		}
	}
	if err != nil {
		return nil //nolint:nilerr // told by the caller
	}
	if o.VerifyOnly {
		say(cmd, "%s: all %d rows of generation %d equal a fresh fold of %d events.", kept.Name, result.Report.Rows, result.Report.Live, result.Events)
		return nil
	}
	if err := printSummary(cmd, result); err != nil {
		return err
	}
	switch {
	case o.Until != nil:
		look := "ordo projections show " + kept.Name
		if kept.Name == orderview.Model.Name && kept.Service == app.Views {
			look = "ordo order list"
		}
		say(cmd, "%s as of %d is generation %d. Look at it with: %s --generation %d", kept.Name, *o.Until, result.Number, look, result.Number)
	case result.Swapped:
		say(cmd, "%s: generation %d is live. Back to the one before with: %s %s --rollback", kept.Name, result.Number, cmd.CommandPath(), kept.Name)
	default:
		say(cmd, "%s: generation %d is verified. Swap with: %s %s --resume", kept.Name, result.Number, cmd.CommandPath(), kept.Name)
	}
	return nil
}

// printDifferences shows differing rows: by column on standard error, the rows themselves as JSON, a line each.
func printDifferences(cmd *cobra.Command, report replay.Report) error {
	say(cmd, "%d of %d rows differ from the live generation %d:", report.Different, report.Rows, report.Live)
	for _, column := range slices.Sorted(maps.Keys(report.Columns)) {
		say(cmd, "  %s in %d rows", column, report.Columns[column])
	}
	for _, d := range report.Sample {
		if err := printValue(cmd, d); err != nil {
			return err
		}
	}
	return nil
}

func printSummary(cmd *cobra.Command, result replay.Result) error {
	var building, total time.Duration
	for _, t := range result.Took {
		total += t.Duration
		if t.Phase == replay.PhaseBuild || t.Phase == replay.PhaseCatchUp {
			building += t.Duration
		}
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "GENERATION", result.Number)
		row(w, "EVENTS", result.Events)
		if building > 0 {
			row(w, "RATE", fmt.Sprintf("%.0f events/s", float64(result.Events)/building.Seconds()))
		}
		if result.Report != nil {
			row(w, "ROWS", result.Report.Rows)
			row(w, "DIFFERENT", result.Report.Different)
			row(w, "CHECKSUM", result.Report.Checksum)
		}
		for _, t := range result.Took {
			row(w, "TIME "+string(t.Phase), t.Duration.Round(time.Millisecond))
		}
		if result.Swapped {
			row(w, "SWAP LOCK", result.SwapLock.Round(100*time.Microsecond))
		}
		row(w, "TIME all", total.Round(time.Millisecond))
	})
}

// planReplay says what a replay would do.
func planReplay(cmd *cobra.Command, t replayTarget) error {
	ctx := cmd.Context()
	live, err := generations.New(t.pool).Live(ctx, t.kept.Name)
	if err != nil {
		return err
	}
	size, err := replay.Measure(ctx, t.kept, t.pool, t.log)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printValue(cmd, map[string]any{
			"projection": t.kept.Name, "service": t.kept.Service, "live_generation": live.Number, "live_fold_version": live.FoldVersion,
			"fold_version": t.kept.Version, "events": size.Events, "rows": size.Rows, "bytes": size.Bytes, "estimate_seconds": size.Estimate.Seconds(),
		})
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "READ MODEL", t.kept.Name+" of "+t.kept.Service)
		row(w, "LIVE", fmt.Sprintf("generation %d, fold version %d", live.Number, live.FoldVersion))
		row(w, "WOULD BUILD", fmt.Sprintf("a new generation, fold version %d", t.kept.Version))
		row(w, "EVENTS", size.Events)
		row(w, "ROWS", size.Rows)
		row(w, "DISK", fmt.Sprintf("%.1f MB, as much as the live one", float64(size.Bytes)/1e6))
		row(w, "ESTIMATE", fmt.Sprintf("%s at least, by the fold of %d events", size.Estimate.Round(time.Second), size.Measured))
	})
}
