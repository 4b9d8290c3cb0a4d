package main

import "github.com/spf13/cobra"

func newLoadCommand() *cobra.Command {
	return newGroup("load", "Put a platform or a store under load and measure it, or fill logs with a history",
		newLoadOrdersCommand(), newLoadAppendCommand(), newLoadHistoryCommand(),
	)
}
