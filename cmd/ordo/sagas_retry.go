package main

import (
	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func newSagasRetryCommand() *cobra.Command {
	var step, reason string
	key := textFlag{kind: "string", check: checkKey}
	cmd := &cobra.Command{
		Use:   "retry ID --reason TEXT",
		Short: "Have the step that an order is stuck in done again",
		Long: `Have the step that an order is stuck in done again, by the service that does it. That it was asked for, and why, is an
event of the order. Only an order that needs attention is helped this way (else exit 4): what fails for a while is tried
again by itself. The same --key again asks for nothing more.`,
		Example:           "  ordo sagas retry 0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 --reason \"the provider is back\"",
		Args:              oneArg("the order id"),
		ValidArgsFunction: completeOrder,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseEmpty(cmd, "reason", "step"); err != nil {
				return err
			}
			api, err := newClient(cmd)
			if err != nil {
				return err
			}
			defer api.Close()
			if key.value == "" {
				key.value = uuid.Must(uuid.NewV7()).String()
			}
			answer, err := api.RetryOrder(cmd.Context(), args[0], key.value, step, reason)
			if err != nil {
				return aboutOrder(args[0], err)
			}
			return printOrder(cmd, answer)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in your own `words`; they are recorded")
	cmd.Flags().StringVar(&step, "step", "", "only if this is the `step` it is stuck in")
	cmd.Flags().Var(&key, "key", "idempotency `key` (default a random one)")
	return required(cmd, "reason")
}
