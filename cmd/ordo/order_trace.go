package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/process"
)

func newOrderTraceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "trace ID",
		Short: "Show where an order is, and how it got there",
		Long: `Show the way of an order through all services: the steps of its process, with what is awaited, since when, until when and
what went wrong so far, the steps still to come; and below, every event of it, each under the one that caused it, with the
time since the order was placed.`,
		Example:           "  ordo order trace 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11\n  ordo order trace 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 -o json | jq -r .state",
		Args:              oneArg("the order id"),
		ValidArgsFunction: completeOrder,
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := newClient(cmd)
			if err != nil {
				return err
			}
			defer api.Close()
			told, err := api.OrderProcess(cmd.Context(), args[0])
			if err != nil {
				return aboutOrder(args[0], err)
			}
			return printProcess(cmd, told)
		},
	}
}

func printProcess(cmd *cobra.Command, answer client.Answer[process.Process]) error {
	if wantsJSON(cmd) {
		return printJSON(cmd, answer.Body)
	}
	p := answer.Value
	err := printTable(cmd, func(w io.Writer) {
		row(w, "order", p.OrderID)
		row(w, "status", fmt.Sprintf("%s (%s)", p.Status, p.State))
		row(w, "placed", moment(p.StartedAt))
		row(w, "took", span(p.DurationMS)+" so far")
		fact(w, "correlation", p.CorrelationID)
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	err = printTable(cmd, func(w io.Writer) {
		row(w, "", "STEP", "SERVICE", "TOOK", "DETAIL")
		for _, s := range p.Steps {
			row(w, s.Progress, s.Name, s.Service, took(s), stepDetail(s))
		}
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	return printTable(cmd, func(w io.Writer) {
		row(w, "TIME", "EVENT", "SERVICE", "BY")
		for _, e := range p.Events {
			by := e.Step
			if by == "" {
				by = "command"
			}
			row(w, "+"+span(e.OffsetMS), branch(e.Depth)+e.Type, e.Service, by)
		}
	})
}

// branch indents an event below its cause. The blanks are not of the kind that tables trim.
func branch(depth int) string {
	if depth == 0 {
		return ""
	}
	return strings.Repeat("\u2007\u2007", depth-1) + "└ "
}

func took(s process.Step) string {
	if s.DurationMS == nil {
		return ""
	}
	return span(*s.DurationMS)
}

func stepDetail(s process.Step) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if s.Try > 1 {
		add("asked for %d times", s.Try)
	}
	if s.Answer != "" {
		add("%s", s.Answer)
	}
	if s.Detail != "" {
		add("%s", s.Detail)
	}
	if s.Progress == process.StepAwaited {
		add("since %s", moment(*s.AskedAt))
		if s.Deadline != nil {
			add("until %s", moment(*s.Deadline))
		}
		if s.LastError != "" {
			add("attempt %d failed: %s", s.Attempt, s.LastError)
		}
		if s.NextAttempt != nil {
			add("next attempt %s", moment(*s.NextAttempt))
		}
	}
	return strings.Join(parts, ", ")
}

// span writes a number of milliseconds as people do.
func span(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d >= 10*time.Second {
		d = d.Round(100 * time.Millisecond)
	}
	return d.String()
}
