package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// commands are the sub-commands of ordo; `completion` and `help` join by themselves.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newDevCommand(),
		newDemoCommand(),
		newServeCommand(),
		newMigrateCommand(),
		newConfigCommand(),
		newPaymentSimulatorCommand(),
		newOrderCommand(),
		newSagasCommand(),
		newEventsCommand(),
		newLoadCommand(),
		newVerifyCommand(),
		newReplayCommand(),
		newProjectionsCommand(),
		newDeadLettersCommand(),
		newHealthCommand(),
		newVersionCommand(),
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "ordo",
		Short: "An event-sourced order platform",
		Long: `Ordo is an event-sourced order platform: orders, stock and payments as an append-only history in Postgres, published to
Kafka, folded into read models and coordinated by a saga that undoes what it did when a step fails.

Data goes to standard output (-o text or json), words go to standard error.
While "ordo dev" runs, the other commands find its address by themselves.

Environment:
  ORDO_URL           address of the HTTP API, where --url is not given
  ORDO_DATA_DIR      data folder of "ordo dev" (default $XDG_DATA_HOME/ordo or ~/.local/share/ordo)
  ORDO_DATABASE_URL  Postgres server for "ordo dev", where --database-url is not given
  ORDO_<SERVICE>_DATABASE_URL, ORDO_<SERVICE>_DATABASE_PASSWORD_FILE, ORDO_KAFKA_BROKERS
                     databases and brokers for commands that ask them, where no "ordo dev" runs

` + exitCodesHelp(),
		Example: `  ordo demo
  ordo dev
  ordo order list --status confirmed`,
		Version:                    readBuild().Version,
		SilenceErrors:              true, // report does it, in one line
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
	}
	root.SetVersionTemplate("ordo {{.Version}}\n")
	root.PersistentFlags().VarP(newOutputFlag(), "output", "o", "output `format`: text or json")
	root.PersistentFlags().String("url", "", "`address` of the HTTP API (default $ORDO_URL, else the platform in $ORDO_DATA_DIR, else a running ordo dev, else "+defaultURL+")")
	root.AddCommand(commands()...)
	root.SetHelpCommand(newHelpCommand())
	completeFlag(root, "output", "text", "json")
	return root
}

// newGroup is a command that only holds others.
func newGroup(use, short string, members ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{Use: use, Short: short}
	group.AddCommand(members...)
	return group
}

// newHelpCommand replaces cobra's, which takes an unknown command for success.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "help [command]",
		Short:             "Help about any command",
		Example:           "  ordo help order place",
		ValidArgsFunction: completeCommands,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usagef(cmd, "%s", err)
			}
			if len(rest) > 0 {
				return unknownCommand(target, rest[0])
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// completeCommands offers the members of the group that the arguments so far name.
func completeCommands(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	group, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var offers []cobra.Completion
	for _, member := range group.Commands() {
		if member.IsAvailableCommand() && strings.HasPrefix(member.Name(), begun) {
			offers = append(offers, cobra.CompletionWithDesc(member.Name(), member.Short))
		}
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag offers fixed values for a flag. It can only fail for a flag that is not there: our own mistake.
func completeFlag(cmd *cobra.Command, name string, values ...cobra.Completion) {
	err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(fmt.Sprintf("completion of --%s: %v", name, err))
	}
}
