package main

import "github.com/spf13/cobra"

func newLoadCommand() *cobra.Command {
	return newGroup("load", "Put a running platform under load and measure it",
		newLoadOrdersCommand(),
	)
}
