package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newDevResetCommand() *cobra.Command {
	var dataDir string
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Delete the data of ordo dev",
		Long: `Delete what ordo dev keeps in its data folder: orders, stock, payments, all of it. Other files in that folder and the
databases on a server of your own (--database-url) are left alone.`,
		Example: "  ordo dev reset --yes",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseEmpty(cmd, "data-dir"); err != nil { // or a variable that is not set deletes the default folder
				return err
			}
			dir, err := devOptions{dataDir: dataDir}.dir()
			if err != nil {
				return err
			}
			return resetDataDir(cmd, dir, yes)
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "`folder` of the data (default as in ordo dev)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// resetDataDir deletes the data in a folder that nobody uses.
func resetDataDir(cmd *cobra.Command, dir string, yes bool) error {
	inside, err := lookInside(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		say(cmd, "nothing to delete: %s does not exist", dir)
		return nil
	case err != nil:
		return startError(err, dir)
	case !inside.marked:
		return fmt.Errorf("%s is not a data folder of ordo dev", dir)
	case !yes:
		return usagef(cmd, "this deletes all orders in %s; add --yes to do it", dir)
	}
	unlock, err := lockDataDir(dir)
	if err != nil {
		return startError(err, dir)
	}
	defer unlock()
	if inside, err = lookInside(dir); err != nil { // as it is now that nobody else changes it
		return err
	}
	for _, name := range append(inside.ours, lockFile) { // in this order, so that an interrupted reset can be repeated
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if os.Remove(dir) != nil {
		say(cmd, "deleted the data in %s; the folder stays, with what is not Ordo's", dir)
		return nil
	}
	say(cmd, "deleted %s", dir)
	return nil
}
