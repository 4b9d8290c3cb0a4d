package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
)

func newMigrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate [SERVICE...]",
		Short: "Make the tables and topics that services need",
		Long: `Bring the tables of services to this version, give the roles they run under their privileges, and make the topics that
are missing: of all services, or of those that are named. Databases and roles must be there. It is safe to run again, also while
services run.

A service's tables are made as the role in its owner_url, if that is set. Of what is there already nothing is changed: a topic
with other settings than this program's is an error that says how to mend it, and the exit code is 6.`,
		Example:   "  ordo migrate\n  ordo migrate orders views",
		ValidArgs: app.Services(),
		Args:      checkAnyServices,
		RunE:      migrate,
	}
	addConfigFlags(cmd)
	return cmd
}

func migrate(cmd *cobra.Command, services []string) error {
	settings, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if len(services) == 0 {
		services = app.Services()
	}
	c, err := serverConfig(cmd, settings, services)
	if err != nil {
		return configError(err)
	}
	var errs []error
	for _, service := range services {
		var err error
		c.Owners[service], err = settings.OwnerURL(service)
		errs = append(errs, err)
		c.Databases[service], err = settings.DatabaseURL(service, c.Owners[service] == "")
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return configError(err)
	}
	if err := app.Migrate(cmd.Context(), c); err != nil {
		return serveError(err)
	}
	return nil
}
