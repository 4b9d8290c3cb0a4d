package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

func newConfigCommand() *cobra.Command {
	show := &cobra.Command{
		Use:   "show",
		Short: "Show the settings of \"ordo serve\", and where each comes from",
		Long: `Show every setting as "ordo serve" would see it with the same flags, variables and file, and where it comes from. Secrets
are not shown: they are in files that settings name.`,
		Example: "  ordo config show\n  ORDO_KAFKA_BROKERS=kafka-1:9092 ordo config show --config ordo.yaml -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				body, err := json.MarshalIndent(settings.Values(), "", "  ")
				if err != nil {
					return err
				}
				return printJSON(cmd, body)
			}
			return printTable(cmd, func(w io.Writer) {
				row(w, "SETTING", "VALUE", "SOURCE")
				for _, v := range settings.Values() {
					row(w, v.Key, dash(v.Value), v.Source)
				}
			})
		},
	}
	addConfigFlags(show)
	return newGroup("config", "Look at the settings of services", show)
}
