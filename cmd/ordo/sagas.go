package main

import (
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/process"
)

func newSagasCommand() *cobra.Command {
	return newGroup("sagas", "See which orders are under way, and help those that are stuck",
		newSagasListCommand(),
		newSagasShowCommand(),
		newSagasRetryCommand(),
	)
}

func stateNames() []string {
	var names []string
	for _, s := range process.States() {
		names = append(names, string(s))
	}
	return names
}

func newSagasShowCommand() *cobra.Command {
	show := newOrderTraceCommand()
	show.Use, show.Short = "show ID", "Show where an order's saga is; the same as `ordo order trace`"
	show.Example = "  ordo sagas show 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11"
	return show
}
