package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/demo"
)

func newDemoCommand() *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Place orders of every fate on a throw-away platform",
		Long: `Start the whole platform on free ports, keeping nothing, place orders of every fate at once, show each one's way as it
happens, and check at the end that no stock is held and no money held or taken for an order that is not confirmed or shipped.
Needs nothing running. Exits 0 only if everything is as expected.`,
		Example: "  ordo demo\n  ordo demo -o json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, verbose) },
	}
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log what the services do")
	return cmd
}

func runDemo(cmd *cobra.Command, verbose bool) error {
	report, err := runStory(cmd, verbose)
	if len(report.Checks) > 0 { // told to its end, whatever happened after that
		err = errors.Join(printReport(cmd, report), err)
	}
	if err != nil {
		return err
	}
	return demoVerdict(report)
}

// demoVerdict is the error of a story with a bad end.
func demoVerdict(report demo.Report) error {
	if report.OK() {
		return nil
	}
	return &commandError{err: errors.New("not everything is as expected"), exit: exitCheck, code: "check_failed"}
}

// runStory starts a platform, has the story told on it, and stops it.
func runStory(cmd *cobra.Command, verbose bool) (demo.Report, error) {
	defer outliveReaders()()
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	say(cmd, "starting a throw-away platform …")
	level := logLevel(verbose)
	local, err := app.NewLocal(ctx, demo.Hurry(app.LocalConfig{Logger: devLogger(cmd, level)}))
	if err != nil {
		return demo.Report{}, startError(err, "")
	}
	if !verbose {
		level.Set(slog.LevelError) // in this story things go wrong on purpose
	}
	stopped := make(chan error, 1)
	go func() {
		err := local.Run(ctx)
		cancel(err) // ends the story if the platform ends first
		stopped <- err
	}()
	report, err := tell(ctx, cmd, local)
	cancel(nil)
	broken := <-stopped
	if broken == nil || cmd.Context().Err() != nil {
		return report, errors.Join(err, broken)
	}
	if err != nil && !errors.Is(err, context.Canceled) { // it follows from the other, most often
		broken = fmt.Errorf("%w (the story ended with: %s)", broken, err.Error())
	}
	return report, broken
}

// tell waits for the platform and runs the story on it.
func tell(ctx context.Context, cmd *cobra.Command, local *app.Local) (demo.Report, error) {
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := local.WaitReady(limited); err != nil {
		return demo.Report{}, err
	}
	api, err := client.New(client.Config{URL: "http://" + local.Addr()})
	if err != nil {
		return demo.Report{}, err
	}
	defer api.Close()
	return demo.Run(ctx, demo.Shop{
		Client:   api,
		Provider: local.Provider,
		Say:      demo.Say(func(line string) { say(cmd, "%s", line) }),
	})
}

func printReport(cmd *cobra.Command, r demo.Report) error {
	if wantsJSON(cmd) {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return printJSON(cmd, body)
	}
	err := printTable(cmd, func(w io.Writer) {
		row(w, "", "ORDER", "SCENARIO", "STATUS", "EXPECTED", "EVENTS", "TOOK")
		for _, o := range r.Orders {
			row(w, tick(o.Status == o.Expected), o.ID, o.Scenario, o.Status, o.Expected, len(o.Events), o.Took().Round(time.Millisecond))
		}
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	return printTable(cmd, func(w io.Writer) {
		row(w, "", "CHECK", "FOUND")
		for _, c := range r.Checks {
			row(w, tick(c.OK), c.Name, c.Detail)
		}
	})
}

func tick(ok bool) string {
	if ok {
		return "ok"
	}
	return "NO"
}
