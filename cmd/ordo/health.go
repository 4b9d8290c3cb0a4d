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
	var full bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Show whether the platform is ready to serve",
		Long: fmt.Sprintf(`Show the readiness checks of the platform. Exits with %d when one is red and with %d when there is no platform; a warning
is not red.

With --full every process of the platform is asked: which services it runs, which leases and partitions it holds, how far
behind it is. They are found by DNS, as all that the names in the internal_url settings stand for (see "ordo config show"), or it
is the running "ordo dev". It exits with %d when a process is not ready, a service has none, or a partition is held by nobody.`,
			exitCheck, exitUnreachable, exitCheck),
		Example: "  ordo health\n  until ordo health; do sleep 1; done\n  ordo health --full",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if full {
				return showTopology(cmd)
			}
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
	cmd.Flags().BoolVar(&full, "full", false, "ask every process, and show who does what")
	return cmd
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
