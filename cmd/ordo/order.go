package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

func newOrderCommand() *cobra.Command {
	return newGroup("order", "Place, cancel and ship orders, and look at them",
		newOrderPlaceCommand(),
		newOrderGetCommand(),
		newOrderListCommand(),
		newOrderCancelCommand(),
		newOrderShipCommand(),
		newOrderHistoryCommand(),
		newOrderTraceCommand(),
	)
}

// printOrder writes an order, one fact a line; what the answer leaves out is left out.
func printOrder(cmd *cobra.Command, answer client.Answer[client.Order]) error {
	if wantsJSON(cmd) {
		return printJSON(cmd, answer.Body)
	}
	o := answer.Value
	return printTable(cmd, func(w io.Writer) {
		row(w, "order", o.ID)
		row(w, "status", o.Status)
		fact(w, "reason", o.Reason)
		fact(w, "detail", o.Detail)
		for _, s := range o.Shortages {
			row(w, "shortage", fmt.Sprintf("%s: %d wanted, %d available", s.SKU, s.Requested, s.Available))
		}
		fact(w, "customer", o.CustomerID)
		fact(w, "payment", o.PaymentMethod)
		for _, l := range o.Lines {
			row(w, "line", fmt.Sprintf("%d x %s", l.Quantity, l.SKU), "at "+money(l.UnitPrice))
		}
		if o.Total.Currency != "" {
			row(w, "total", money(o.Total))
		}
		if o.Shipment != nil {
			row(w, "shipment", o.Shipment.Carrier, o.Shipment.TrackingNumber)
		}
		if !o.PlacedAt.IsZero() {
			row(w, "placed", moment(o.PlacedAt))
		}
		if !o.UpdatedAt.IsZero() {
			row(w, "updated", moment(o.UpdatedAt))
		}
		for _, e := range o.History {
			row(w, "event", e.Version, e.Type, moment(e.At))
		}
	})
}

// fact is a row of a name and a value, if there is a value.
func fact(w io.Writer, name, value string) {
	if value != "" {
		row(w, name, value)
	}
}

// aboutOrder says which order an error is about, and where to look when there is none of that id.
func aboutOrder(id string, err error) error {
	err = fmt.Errorf("order %s: %w", id, err)
	if isNotFound(err) {
		return &commandError{err: err, advice: "See which there are: ordo order list"}
	}
	return err
}

func isNotFound(err error) bool {
	var problem *client.ProblemError
	return errors.As(err, &problem) && problem.Status == http.StatusNotFound
}

// completeOrder offers the ids of the newest orders; when Ordo does not answer at once, none.
func completeOrder(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	api, err := newClient(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer api.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
	defer cancel()
	page, err := api.Orders(ctx, client.ListOrders{Limit: 20})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var offers []cobra.Completion
	for _, o := range page.Value.Orders {
		offers = append(offers, cobra.CompletionWithDesc(o.ID, fmt.Sprintf("%s, %s", o.Status, money(o.Total))))
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}
