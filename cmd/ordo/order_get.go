package main

import (
	"github.com/spf13/cobra"
)

func newOrderGetCommand() *cobra.Command {
	var generation int
	cmd := &cobra.Command{
		Use:               "get ID",
		Short:             "Show an order as it is now, or was",
		Example:           "  ordo order get 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11\n  ordo order get 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 -o json | jq .status\n  ordo order get 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 --generation 3 # which \"ordo replay orderview --until\" has made",
		Args:              oneArg("the order id"),
		ValidArgsFunction: completeOrder,
		RunE: func(cmd *cobra.Command, args []string) error {
			api, end, err := orderQueries(cmd, generation)
			if err != nil {
				return err
			}
			defer end()
			order, err := api.Order(cmd.Context(), args[0], "")
			if err != nil {
				return aboutOrder(args[0], err)
			}
			return printOrder(cmd, order)
		},
	}
	addGenerationFlag(cmd, &generation)
	return cmd
}
