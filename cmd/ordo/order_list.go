package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

// maxPage is the API's limit on one page.
const maxPage = 200

func newOrderListCommand() *cobra.Command {
	var list client.ListOrders
	var all bool
	var generation int
	status := &textFlag{kind: "string", check: oneOf(statusNames()...)}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List orders, one page or all",
		Long: `List orders. One page is shown, and on standard error the cursor of the next; --all shows page after page to the end.
With -o json one page is the answer of the API, all pages are one object of the same shape.`,
		Example: "  ordo order list --status needs_attention\n  ordo order list --all -o json | jq -r '.orders[].id'\n  ordo order list --generation 3 # the past, if \"ordo replay orderview --until\" has made it",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("limit") && (list.Limit < 1 || list.Limit > maxPage) {
				return usagef(cmd, "--limit %d: want 1 to %d", list.Limit, maxPage)
			}
			list.Status = client.Status(status.value)
			api, end, err := orderQueries(cmd, generation)
			if err != nil {
				return err
			}
			defer end()
			if all {
				return listAllOrders(cmd, api, list)
			}
			return listOrders(cmd, api, list)
		},
	}
	cmd.Flags().Var(status, "status", "only orders with this `status`")
	cmd.Flags().StringVar(&list.CustomerID, "customer", "", "only orders of the customer with this `id`")
	cmd.Flags().IntVar(&list.Limit, "limit", 0, fmt.Sprintf("orders on a page, 1 to %d (default 50)", maxPage))
	cmd.Flags().StringVar(&list.Cursor, "cursor", "", "where to go on, from the page before")
	cmd.Flags().BoolVar(&all, "all", false, "all pages")
	addGenerationFlag(cmd, &generation)
	completeFlag(cmd, "status", statusNames()...)
	return cmd
}

func listOrders(cmd *cobra.Command, api *client.Client, list client.ListOrders) error {
	page, err := api.Orders(cmd.Context(), list)
	if err != nil {
		return fmt.Errorf("list orders: %w", err)
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, page.Body)
	}
	if err := printOrders(cmd, page.Value, true); err != nil {
		return err
	}
	if next := page.Value.NextCursor; next != "" {
		say(cmd, "There are more: add --cursor %s, or --all", next)
	}
	return nil
}

// listAllOrders writes each page before it reads the next, so that any number of orders fits into memory.
func listAllOrders(cmd *cobra.Command, api *client.Client, list client.ListOrders) error {
	if list.Limit == 0 {
		list.Limit = maxPage
	}
	write, finish := printPages(cmd)
	for page, err := range api.OrderPages(cmd.Context(), list) {
		if err != nil {
			return fmt.Errorf("list orders: %w", err)
		}
		if err := write(page); err != nil {
			return err
		}
	}
	return finish()
}

// printPages writes several pages as one table or one object.
func printPages(cmd *cobra.Command) (write func(client.OrderPage) error, finish func() error) {
	first := true
	if !wantsJSON(cmd) {
		return func(page client.OrderPage) error {
			defer func() { first = false }()
			return printOrders(cmd, page, first)
		}, func() error { return nil }
	}
	between := `{"orders":[`
	return func(page client.OrderPage) error {
			for _, order := range page.Raw {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s%s", between, order); err != nil {
					return err
				}
				between = ",\n"
			}
			return nil
		}, func() error {
			if between != ",\n" { // not one order
				return printJSON(cmd, json.RawMessage(`{"orders":[]}`))
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "]}")
			return err
		}
}

func printOrders(cmd *cobra.Command, page client.OrderPage, header bool) error {
	if len(page.Orders) == 0 && header {
		say(cmd, "No orders.")
		return nil
	}
	return printTable(cmd, func(w io.Writer) {
		if header {
			row(w, "ORDER", fmt.Sprintf("%-16s", "STATUS"), "TOTAL", "PLACED", "CUSTOMER")
		}
		for _, o := range page.Orders { // padded, so that pages stand below each other
			row(w, o.ID, fmt.Sprintf("%-16s", o.Status), fmt.Sprintf("%14s", money(o.Total)), moment(o.PlacedAt), o.CustomerID)
		}
	})
}

func statusNames() []string {
	var names []string
	for _, status := range client.Statuses() {
		names = append(names, string(status))
	}
	return names
}
