package main

import (
	"cmp"
	"encoding/json"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what the binary knows about itself.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`             // empty when built outside a repository
	Modified bool   `json:"modified,omitempty"` // built from more than that commit
	Go       string `json:"go"`
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show which build this is",
		Example: "  ordo version -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := readBuild()
			if wantsJSON(cmd) {
				body, err := json.Marshal(b)
				if err != nil {
					return err
				}
				return printJSON(cmd, body)
			}
			commit := cmp.Or(b.Commit, "unknown")
			if b.Modified {
				commit += " (modified)"
			}
			return printTable(cmd, func(w io.Writer) {
				row(w, "version", b.Version)
				row(w, "commit", commit)
				row(w, "go", b.Go)
			})
		},
	}
}

// readBuild reads what the Go tool wrote into the binary.
func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{Version: "(unknown)"}
	}
	b := build{Version: info.Main.Version, Go: info.GoVersion}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}
