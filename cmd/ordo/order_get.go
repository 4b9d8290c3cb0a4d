package main

import (
	"github.com/spf13/cobra"
)

func newOrderGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "get ID",
		Short:             "Show an order as it is now",
		Example:           "  ordo order get 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11\n  ordo order get 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 -o json | jq .status",
		Args:              oneArg("the order id"),
		ValidArgsFunction: completeOrder,
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := newClient(cmd)
			if err != nil {
				return err
			}
			defer api.Close()
			order, err := api.Order(cmd.Context(), args[0], "")
			if err != nil {
				return aboutOrder(args[0], err)
			}
			return printOrder(cmd, order)
		},
	}
}
