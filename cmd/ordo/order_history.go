package main

import (
	"io"

	"github.com/spf13/cobra"
)

func newOrderHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history ID",
		Short: "Show what happened to an order, oldest first",
		Long: `Show the events of an order, oldest first. This is the order itself and not a view of it: what get and list show is
made from these events. With -o json the events come with their data.`,
		Example:           "  ordo order history 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11",
		Args:              oneArg("the order id"),
		ValidArgsFunction: completeOrder,
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := newClient(cmd)
			if err != nil {
				return err
			}
			defer api.Close()
			history, err := api.OrderHistory(cmd.Context(), args[0])
			if err != nil {
				return aboutOrder(args[0], err)
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, history.Body)
			}
			return printTable(cmd, func(w io.Writer) {
				row(w, "VERSION", "TYPE", "AT", "POSITION")
				for _, e := range history.Value.Events {
					row(w, e.Version, e.Type, moment(e.At), e.Position)
				}
			})
		},
	}
}
