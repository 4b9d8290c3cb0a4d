package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/process"
)

// statusesOf is which statuses the orders of a state may have. A confirmed order is under way again when it is being shipped.
var statusesOf = map[process.State][]client.Status{
	process.Running:      {client.StatusPlaced, client.StatusAwaitingPayment, client.StatusConfirmed},
	process.Retrying:     {client.StatusPlaced, client.StatusAwaitingPayment, client.StatusConfirmed, client.StatusCancelling},
	process.Compensating: {client.StatusCancelling},
	process.Stuck:        {client.StatusNeedsAttention, client.StatusPlaced, client.StatusAwaitingPayment, client.StatusCancelling},
	process.Done:         {client.StatusConfirmed, client.StatusShipped, client.StatusRejected, client.StatusCancelled},
}

func newSagasListCommand() *cobra.Command {
	state := &textFlag{value: string(process.Stuck), kind: "string", check: oneOf(stateNames()...)}
	limit, look := 0, 0
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sagas of a state, with what they wait for",
		Long: `List orders whose saga is in a state, newest first, with the step they wait for and what went wrong so far:

  running       under way
  retrying      under way, but what is awaited failed and is tried again
  compensating  being undone
  stuck         needs attention, or is past its deadline: see "ordo sagas retry"
  done          nothing is awaited

The state of a saga is told from the logs of its order, one order at a time, so the newest --look orders that may be in the
state are looked at.`,
		Example: "  ordo sagas list\n  ordo sagas list --state retrying -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || look < limit {
				return usagef(cmd, "--limit %d, --look %d: want 1 or more, and --look no less than --limit", limit, look)
			}
			api, err := newClient(cmd)
			if err != nil {
				return err
			}
			defer api.Close()
			found, looked, err := findSagas(cmd.Context(), api, process.State(state.value), limit, look)
			if err != nil {
				return fmt.Errorf("list sagas: %w", err)
			}
			if len(found) == limit || looked == look {
				say(cmd, "%d orders looked at; there may be more: see --limit and --look", looked)
			}
			return printSagas(cmd, found)
		},
	}
	cmd.Flags().Var(state, "state", "only sagas in this `state`")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to show at most")
	cmd.Flags().IntVar(&look, "look", 1000, "how many orders to look at, at most")
	completeFlag(cmd, "state", stateNames()...)
	return cmd
}

// findSagas looks through the orders that may be in a state.
func findSagas(ctx context.Context, api *client.Client, state process.State, limit, look int) (found []client.Answer[process.Process], looked int, err error) {
	for _, status := range statusesOf[state] {
		for page, err := range api.OrderPages(ctx, client.ListOrders{Status: status, Limit: min(look, maxPage)}) {
			if err != nil {
				return nil, looked, err
			}
			for _, o := range page.Orders {
				if len(found) == limit || looked == look {
					return found, looked, nil
				}
				looked++
				told, err := api.OrderProcess(ctx, o.ID)
				if err != nil {
					return nil, looked, err
				}
				if told.Value.State == state {
					found = append(found, told)
				}
			}
		}
	}
	return found, looked, nil
}

func printSagas(cmd *cobra.Command, sagas []client.Answer[process.Process]) error {
	if wantsJSON(cmd) {
		list := struct {
			Sagas []json.RawMessage `json:"sagas"`
		}{Sagas: []json.RawMessage{}}
		for _, s := range sagas {
			list.Sagas = append(list.Sagas, s.Body)
		}
		body, err := json.Marshal(list)
		if err != nil {
			return err
		}
		return printJSON(cmd, body)
	}
	if len(sagas) == 0 {
		say(cmd, "No sagas.")
		return nil
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "ORDER", "STATUS", "STATE", "STEP", "SINCE", "DETAIL")
		for _, s := range sagas {
			step, since, detail := "-", s.Value.UpdatedAt, ""
			for _, one := range s.Value.Steps {
				if one.Progress == process.StepAwaited || one.Progress == process.StepFailed && s.Value.State == process.Stuck {
					step, since, detail = one.Name, *one.AskedAt, stepDetail(one)
				}
			}
			row(w, s.Value.OrderID, s.Value.Status, s.Value.State, step, moment(since.UTC().Truncate(time.Millisecond)), detail)
		}
	})
}
