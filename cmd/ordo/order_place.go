package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

// placement is what the flags of `order place` say.
type placement struct {
	order client.PlaceOrder
	lines lineFlag
	key   textFlag
	wait  orderWait
}

func newOrderPlaceCommand() *cobra.Command {
	p := placement{key: textFlag{kind: "string", check: checkKey}}
	cmd := &cobra.Command{
		Use:   "place --customer ID --line SKU=QTY...",
		Short: "Place an order",
		Long: `Place an order, at the prices of the catalog. The same --key with the same content never places a second order: if the
outcome of a call is not known, repeat it with the key it used. Without --key one is made and told on standard error.
With --wait the command ends when the order is confirmed or rejected; either way it did its work and exits with 0.`,
		Example: `  ordo order place --customer 7f6e1f4e-3b0a-4f0a-9a53-0f6f3b1d2c11 --line TEA=2 --line MUG=1
  ordo order place --customer 7f6e1f4e-3b0a-4f0a-9a53-0f6f3b1d2c11 --line TEA=2 --key basket-4711 --wait -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd) },
	}
	cmd.Flags().StringVar(&p.order.CustomerID, "customer", "", "`id` of the customer")
	cmd.Flags().Var(&p.lines, "line", "what is ordered and how many of it; repeatable")
	cmd.Flags().StringVar(&p.order.PaymentMethod, "payment-method", "pm_ok", "how it is paid")
	cmd.Flags().Var(&p.key, "key", "idempotency `key` (default a random one)")
	p.wait.addFlags(cmd, "confirmed or rejected")
	return required(cmd, "customer", "line")
}

func (p *placement) run(cmd *cobra.Command) error {
	if p.order.CustomerID == "" {
		return usagef(cmd, "--customer is empty")
	}
	if err := p.wait.check(cmd); err != nil {
		return err
	}
	api, err := newClient(cmd)
	if err != nil {
		return err
	}
	defer api.Close()
	if p.key.value == "" {
		p.key.value = uuid.Must(uuid.NewV7()).String()
		say(cmd, "Placing with --key %s (the same key again cannot place a second order)", p.key.value)
	}
	p.order.Lines = p.lines

	order, err := api.PlaceOrder(cmd.Context(), p.key.value, p.order)
	if err != nil {
		return fmt.Errorf("place order: %w", err)
	}
	if order.Replayed {
		say(cmd, "Order %s was placed before with this key", order.Value.ID)
	}
	if p.wait.wait {
		// Whatever becomes of the wait, the order is placed: what is known of it is printed.
		order, err = p.wait.until(cmd.Context(), api, order, func(s client.Status) bool { return !s.Moving() })
	}
	return errors.Join(printOrder(cmd, order), err)
}

// checkKey holds a key to what the API takes.
func checkKey(key string) error {
	if len(key) == 0 || len(key) > 255 {
		return errors.New("want 1 to 255 characters")
	}
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return errors.New("want printable ASCII characters only")
		}
	}
	return nil
}

// lineFlag collects --line SKU=QTY.
type lineFlag []client.Item

func (f *lineFlag) Type() string   { return "SKU=QTY" }
func (f *lineFlag) String() string { return "" } // no default to show

func (f *lineFlag) Set(text string) error {
	at := strings.LastIndexByte(text, '=')
	if at < 1 {
		return errors.New("want SKU=QTY, like TEA=2")
	}
	quantity, err := strconv.ParseInt(text[at+1:], 10, 64)
	if err != nil || quantity < 1 {
		return errors.New("want a whole number of at least 1 after the =")
	}
	*f = append(*f, client.Item{SKU: text[:at], Quantity: quantity})
	return nil
}
