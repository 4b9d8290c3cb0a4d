package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

func newHealthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Show whether the platform is ready to serve",
		Long: fmt.Sprintf(`Show the readiness checks of the platform. Exits with %d when one is red and with %d when there is no platform; a warning
is not red.`, exitCheck, exitUnreachable),
		Example: "  ordo health\n  until ordo health; do sleep 1; done",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := newClient(cmd)
			if err != nil {
				return err
			}
			defer api.Close()
			health, err := api.Ready(cmd.Context())
			if err != nil {
				return fmt.Errorf("health: %w", err)
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd, health.Body)
			} else {
				err = printHealth(cmd, health.Value)
			}
			if err != nil {
				return err
			}
			return verdict(health.Value)
		},
	}
}

func printHealth(cmd *cobra.Command, health client.Health) error {
	return printTable(cmd, func(w io.Writer) {
		row(w, "CHECK", "STATUS", "DETAIL")
		for _, name := range slices.Sorted(maps.Keys(health.Checks)) {
			for _, check := range health.Checks[name] {
				row(w, strings.TrimSpace(name+" "+check.ComponentID), check.Status, check.Output)
			}
		}
		row(w, "all", health.Status)
	})
}

// verdict is the error of a platform that is not ready.
func verdict(health client.Health) error {
	var red []string
	for _, name := range slices.Sorted(maps.Keys(health.Checks)) {
		if slices.ContainsFunc(health.Checks[name], func(c client.HealthCheck) bool { return client.Red(c.Status) }) {
			red = append(red, name)
		}
	}
	if len(red) == 0 && !client.Red(health.Status) {
		return nil
	}
	text := "the platform is not ready"
	if len(red) > 0 {
		text += ": " + strings.Join(red, ", ")
	}
	return &commandError{err: fmt.Errorf("%s", text), exit: exitCheck, code: "not_ready"}
}
