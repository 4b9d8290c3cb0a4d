package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a mistake on the command line: nothing was tried.
type usageError struct {
	cmd  *cobra.Command // whose help helps
	text string
}

func (e *usageError) Error() string { return e.cmd.CommandPath() + ": " + e.text }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd: cmd, text: fmt.Sprintf(format, args...)}
}

// unknownCommand adds what may have been meant, as cobra does, but in one line.
func unknownCommand(group *cobra.Command, name string) error {
	group.SuggestionsMinimumDistance = 2
	text := fmt.Sprintf("unknown command %q", name)
	if near := group.SuggestionsFor(name); len(near) > 0 {
		text += ", did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef(group, "%s", text)
}

// failure marks an error that came out of a command, as opposed to one of cobra on the way to it.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// watchUsage goes through the whole tree, cobra's own commands included, so that every mistake in the use of a command
// can be told from the failure of one, and a group answers to an unknown member with an error instead of its help.
func watchUsage(cmd *cobra.Command) {
	if !cmd.Runnable() && cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs // or cobra answers with its several lines
		cmd.DisableFlagsInUseLine = true
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		}
	}
	if work := cmd.RunE; work != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := work(cmd, args); err != nil {
				return failure{err}
			}
			return nil
		}
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// The flags of a mistyped member are unknown to the group: the member is the mistake to name.
		if rest := cmd.Flags().Args(); cmd.HasSubCommands() && len(rest) > 0 {
			return unknownCommand(cmd, rest[0])
		}
		return usagef(cmd, "%s", flagMistake(err))
	})
	for _, member := range cmd.Commands() {
		watchUsage(member)
	}
}

// flagMistake words a bad number without the names of Go functions.
func flagMistake(err error) string {
	var value *pflag.InvalidValueError
	var number *strconv.NumError
	if errors.As(err, &value) && errors.As(err, &number) {
		return fmt.Sprintf("invalid argument %q for \"--%s\" flag: want a number", value.GetValue(), value.GetFlag().Name)
	}
	return err.Error()
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd, "unexpected argument %q", args[0])
	}
	return nil
}

// oneArg wants exactly one argument that is not empty, called what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 || strings.TrimSpace(args[0]) == "":
			return usagef(cmd, "%s is missing", what)
		case len(args) > 1:
			return usagef(cmd, "unexpected argument %q", args[1])
		}
		return nil
	}
}

// textFlag is a flag whose text is checked while the command line is read.
type textFlag struct {
	value string
	kind  string
	check func(string) error
}

var _ pflag.Value = (*textFlag)(nil)

func (f *textFlag) String() string { return f.value }
func (f *textFlag) Type() string   { return f.kind }

func (f *textFlag) Set(value string) error {
	if err := f.check(value); err != nil {
		return err
	}
	f.value = value
	return nil
}

// refuseEmpty refuses flags that were given without a value: most often a variable that is not set, and the default is not
// what was meant.
func refuseEmpty(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flag(name); f.Changed && (f.Value.String() == "" || f.Value.String() == "[]") {
			return usagef(cmd, "--%s is empty", name)
		}
	}
	return nil
}

// checkListenAddr holds an address to serve on to the one form that is not ambiguous.
func checkListenAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil {
		return errors.New("want HOST:PORT, like 127.0.0.1:8080")
	}
	return nil
}

// oneOf is the check of a flag with few values.
func oneOf(values ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(values, value) {
			return nil
		}
		return fmt.Errorf("want one of %s", strings.Join(values, ", "))
	}
}
