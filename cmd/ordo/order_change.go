package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

func newOrderCancelCommand() *cobra.Command {
	var reason string
	var wait orderWait
	cmd := &cobra.Command{
		Use:   "cancel ID --reason TEXT",
		Short: "Cancel an order that is not being shipped",
		Long: `Cancel an order, at any moment before it is being shipped. What was done for it is undone, last step first: the payment
is voided, then the stock released. The same again changes nothing more. An order that cannot be cancelled is a conflict
(exit 4).`,
		Example: `  ordo order cancel 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 --reason "ordered twice"
  ordo order cancel 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 --reason "ordered twice" --wait`,
		Args:              oneArg("the order id"),
		ValidArgsFunction: completeOrder,
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeOrder(cmd, wait, args[0], func(s client.Status) bool { return !s.Moving() }, func(ctx context.Context, api *client.Client) (client.Answer[client.Order], error) {
				return api.CancelOrder(ctx, args[0], reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in your own `words`")
	wait.addFlags(cmd, "cancelled")
	return required(cmd, "reason")
}

func newOrderShipCommand() *cobra.Command {
	var shipment client.Shipment
	var wait orderWait
	cmd := &cobra.Command{
		Use:   "ship ID --carrier NAME --tracking-number NUMBER",
		Short: "Ship a confirmed order",
		Long: `Ship a confirmed order: its payment is captured, then its stock taken out; it is shipped when both are done. The same
again changes nothing more. An order that cannot be shipped is a conflict (exit 4).`,
		Example:           "  ordo order ship 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 --carrier DHL --tracking-number JD014600003RU --wait",
		Args:              oneArg("the order id"),
		ValidArgsFunction: completeOrder,
		RunE: func(cmd *cobra.Command, args []string) error {
			shipped := func(s client.Status) bool { return !s.Moving() && s != client.StatusConfirmed }
			return changeOrder(cmd, wait, args[0], shipped, func(ctx context.Context, api *client.Client) (client.Answer[client.Order], error) {
				return api.ShipOrder(ctx, args[0], shipment)
			})
		},
	}
	cmd.Flags().StringVar(&shipment.Carrier, "carrier", "", "`name` of who brings it")
	cmd.Flags().StringVar(&shipment.TrackingNumber, "tracking-number", "", "the carrier's `number` of the parcel")
	wait.addFlags(cmd, "shipped")
	return required(cmd, "carrier", "tracking-number")
}

// changeOrder asks for something to be done about an order, and waits for it if it is asked to.
func changeOrder(
	cmd *cobra.Command, wait orderWait, id string, done func(client.Status) bool,
	ask func(context.Context, *client.Client) (client.Answer[client.Order], error),
) error {
	if err := wait.check(cmd); err != nil {
		return err
	}
	api, err := newClient(cmd)
	if err != nil {
		return err
	}
	defer api.Close()
	order, err := ask(cmd.Context(), api)
	if err != nil {
		return aboutOrder(id, err)
	}
	if wait.wait {
		// Whatever becomes of the wait, what was asked for is under way: what is known of the order is printed.
		order, err = wait.until(cmd.Context(), api, order, done)
	}
	return errors.Join(printOrder(cmd, order), err)
}

// required marks flags that a command cannot do without.
func required(cmd *cobra.Command, flags ...string) *cobra.Command {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is a few lines above
		}
	}
	return cmd
}
