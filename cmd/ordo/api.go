package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/devfile"
)

// defaultURL is where `ordo dev` serves when it is not told otherwise.
const defaultURL = "http://127.0.0.1:8080"

// newClient connects a command to the API that its --url or its surroundings name.
func newClient(cmd *cobra.Command) (*client.Client, error) {
	address, source, err := apiAddress(cmd.Flag("url").Value.String(), os.Getenv)
	if err != nil {
		return nil, err
	}
	api, err := client.New(client.Config{
		URL: address,
		Retry: client.Retry{Notify: func(err error, wait time.Duration) {
			say(cmd, "%s; trying again in %s", err, wait)
		}},
	})
	if err != nil {
		return nil, usagef(cmd, "%s: %s", source, err)
	}
	return api, nil
}

// apiAddress looks for the address of the API and says where it found it.
func apiAddress(flag string, getenv func(string) string) (address, source string, err error) {
	if flag != "" {
		return flag, "--url", nil
	}
	if address := getenv("ORDO_URL"); address != "" {
		return address, "ORDO_URL", nil
	}
	dir, err := devfile.DefaultDir(getenv)
	if err != nil {
		return defaultURL, "default", nil //nolint:nilerr // no home, so no data folder that ordo dev could be running on
	}
	running, err := devfile.Read(dir)
	switch {
	case errors.Is(err, devfile.ErrNotRunning) && getenv("ORDO_DATA_DIR") != "":
		// The default address may be that of another platform, which is not the one that was asked for.
		return "", "", &commandError{
			err: fmt.Errorf("no Ordo runs on ORDO_DATA_DIR, %s", dir), exit: exitUnreachable, code: "unreachable",
			advice: "Start it with: ordo dev",
		}
	case errors.Is(err, devfile.ErrNotRunning):
		return defaultURL, "default", nil
	case err != nil:
		return "", "", &commandError{err: err, advice: "Say where Ordo is with --url"}
	}
	return running.URL, devfile.Name + " in " + dir, nil
}
