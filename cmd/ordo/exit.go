package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

// The exit codes of every command. Scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitUnreachable = 5
	exitCheck       = 6
	exitInterrupted = 130
)

func exitCodesHelp() string {
	return fmt.Sprintf(`Exit codes:
  %3d  ok
  %3d  failed
  %3d  wrong usage or malformed input; nothing was done
  %3d  not found
  %3d  conflict with the present state
  %3d  unreachable or not able to answer now; may be tried again
  %3d  a check found something: drift, a gap, tampering, a part that is not healthy
  %3d  interrupted`,
		exitOK, exitFailed, exitUsage, exitNotFound, exitConflict, exitUnreachable, exitCheck, exitInterrupted)
}

// problemRule says what a problem of the API means for the command line. Empty code or status match any.
type problemRule struct {
	code   string
	status int
	exit   int
	advice string // what to do, if that can be known from the problem alone
}

// problemRules is the one table from problem to exit code; the first rule that matches counts.
func problemRules() []problemRule {
	return []problemRule{
		{code: "idempotency_key_reused", exit: exitConflict, advice: "Use another --key, or none"},
		{code: "idempotency_in_progress", exit: exitConflict, advice: "Try again with the same --key"},
		{code: "outcome_unknown", exit: exitUnreachable, advice: "Try again with the same --key, it cannot happen twice"},
		{status: http.StatusBadRequest, exit: exitUsage},
		{status: http.StatusNotFound, exit: exitNotFound},
		{status: http.StatusConflict, exit: exitConflict},
		{status: http.StatusPreconditionFailed, exit: exitConflict},
		{status: http.StatusTooManyRequests, exit: exitUnreachable, advice: "Try again a little later"},
		{status: http.StatusBadGateway, exit: exitUnreachable, advice: "Try again a little later"},
		{status: http.StatusServiceUnavailable, exit: exitUnreachable, advice: "Try again a little later"},
		{status: http.StatusGatewayTimeout, exit: exitUnreachable, advice: "Try again a little later"},
		{exit: exitFailed},
	}
}

// commandError is how a command says more about an error than can be known from the error alone. Zero fields are left
// to the general rules.
type commandError struct {
	err    error
	exit   int
	code   string
	advice string
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// outcome is an error in the form people and scripts see.
type outcome struct {
	exit   int
	code   string
	text   string
	advice string
	trace  string
}

// report writes the one line about an error and returns the exit code.
func report(ctx context.Context, stderr io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	var ours *usageError
	var failed failure
	if !errors.As(err, &ours) && !errors.As(err, &failed) { // cobra's own
		err = usagef(cmd, "%s", err)
	}
	o := outcomeOf(ctx, err)
	_, _ = fmt.Fprintln(stderr, o) // standard error is the last resort: there is nobody left to tell
	return o.exit
}

func (o outcome) String() string {
	line := sentence(o.text)
	if o.advice != "" {
		line += " " + o.advice
		if !strings.Contains(o.advice, ": ") { // a command to copy ends without a stop
			line = sentence(line)
		}
	}
	line += fmt.Sprintf(" [%s, exit %d", o.code, o.exit)
	if o.trace != "" {
		line += ", trace " + o.trace
	}
	return printable(line + "]")
}

func outcomeOf(ctx context.Context, err error) outcome {
	o := outcome{exit: exitFailed, code: "failed", text: err.Error()}
	var (
		usage       *usageError
		problem     *client.ProblemError
		unreachable *client.UnreachableError
		unexpected  *client.UnexpectedAnswerError
	)
	switch {
	case errors.As(err, &usage):
		o.exit, o.code, o.advice = exitUsage, "usage", "See: "+usage.cmd.CommandPath()+" --help"
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		o.exit, o.code, o.text = exitInterrupted, "interrupted", "interrupted"
	case errors.As(err, &problem):
		rule := ruleFor(problem)
		o.exit, o.code, o.advice, o.trace = rule.exit, problemCode(problem), rule.advice, problem.TraceID
	case errors.As(err, &unreachable):
		// What was tried does not matter: nothing can be done before Ordo is reached.
		o.exit, o.code, o.text, o.advice = exitUnreachable, "unreachable", unreachable.Error(), reachAdvice(unreachable.URL)
	case errors.As(err, &unexpected):
		o.code, o.advice = "unexpected_answer", "Check --url and ORDO_URL"
		if client.Temporary(err) { // of a gateway without a platform behind it
			o.exit, o.code, o.advice = exitUnreachable, "unreachable", "Try again a little later"
		}
	}
	var said *commandError
	if errors.As(err, &said) && o.exit != exitInterrupted {
		if said.exit != 0 {
			o.exit = said.exit
		}
		if said.code != "" {
			o.code = said.code
		}
		if said.advice != "" {
			o.advice = said.advice
		}
	}
	return o
}

func ruleFor(problem *client.ProblemError) problemRule {
	for _, rule := range problemRules() {
		if (rule.code == "" || rule.code == problem.Code) && (rule.status == 0 || rule.status == problem.Status) {
			return rule
		}
	}
	return problemRule{exit: exitFailed} // the table's last rule matches everything
}

func problemCode(problem *client.ProblemError) string {
	if problem.Code == "" {
		return fmt.Sprintf("http_%d", problem.Status)
	}
	return problem.Code
}

// reachAdvice depends on whose machine the address is on: another one's platform cannot be started from here.
func reachAdvice(address string) string {
	if u, err := url.Parse(address); err == nil {
		if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip.IsLoopback() {
			return "Start it with: ordo dev"
		}
	}
	return "Check --url and ORDO_URL"
}

func sentence(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}
