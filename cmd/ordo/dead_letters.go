package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/consumer"
)

func newDeadLettersCommand() *cobra.Command {
	group := newGroup("dead-letters", "Look at events that could not be applied, and say what becomes of them",
		newDeadLettersListCommand(), newDeadLettersShowCommand(), newDeadLettersRedriveCommand(), newDeadLettersDiscardCommand())
	group.Long = `An event that a consumer cannot apply is parked, and with it every later event of its key (an order, a SKU, a customer), so
that order is kept; other keys go on. Dead letters with one cause have one fingerprint. Once the cause is mended, redrive
applies what is parked, oldest first; discard gives it up. Databases are those of a running "ordo dev", or those that
ORDO_<SERVICE>_DATABASE_URL name; the consumers themselves do what is asked, so they have to run.`
	return group
}

// selection is which dead letters a command is about.
type selection struct {
	consumer.Selection
	all bool
}

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.Consumer, "consumer", "", "only those of this `consumer`, as in views.orderview")
	cmd.Flags().StringVar(&s.Key, "key", "", "only those of this `key`: an order, a SKU, a customer")
}

var fingerprintForm = regexp.MustCompile(`^[0-9a-f]{12}$`)

// read takes the argument, if there is one: a fingerprint or the number of a dead letter.
func (s *selection) read(cmd *cobra.Command, args []string) error {
	if err := refuseEmpty(cmd, "consumer", "key"); err != nil {
		return err
	}
	if len(args) == 0 {
		return nil
	}
	if fingerprintForm.MatchString(args[0]) {
		s.Fingerprint = args[0]
		return nil
	}
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || id < 1 {
		return usagef(cmd, "%q is neither a fingerprint (12 hexadecimal digits) nor the number of a dead letter: see ordo dead-letters list", args[0])
	}
	if s.Consumer == "" {
		return usagef(cmd, "--consumer is needed beside the number of a dead letter: each service counts its own")
	}
	s.ID = id
	return nil
}

// narrow demands that a command that changes something says what.
func (s *selection) narrow(cmd *cobra.Command) error {
	if s.Fingerprint == "" && s.Key == "" && s.ID == 0 && !s.all {
		return usagef(cmd, "say which: a fingerprint, --key, or --all")
	}
	return nil
}

// eachDatabase calls do with the dead letters of each service whose database can be found, or of the consumer's own.
func eachDatabase(ctx context.Context, ofConsumer string, do func(service string, d *consumer.DeadLetters) error) error {
	services := app.Services()
	if owner, _, named := strings.Cut(ofConsumer, "."); named && slices.Contains(services, owner) {
		services = []string{owner}
	} else {
		found, err := findDatabases(services, os.Getenv)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			services = slices.DeleteFunc(services, func(s string) bool { return found[s] == "" })
		}
	}
	databases, closeAll, err := openDatabases(ctx, services, 2)
	if err != nil {
		return err
	}
	defer closeAll()
	for _, d := range databases {
		if err := do(d.service, consumer.NewDeadLetters(d.pool)); err != nil {
			return aboutDatabase(d.service, err)
		}
	}
	return nil
}

// refused puts a refusal into words and an exit code.
func refused(err error) error {
	switch {
	case errors.Is(err, consumer.ErrNotParked):
		return &commandError{err: err, exit: exitNotFound, code: "not_parked", advice: "See: ordo dead-letters list"}
	case errors.Is(err, consumer.ErrAlreadyApplied):
		return &commandError{err: fmt.Errorf("%w: a redrive has done it before", err), exit: exitConflict, code: "already_applied"}
	case errors.Is(err, consumer.ErrDiscarded):
		return &commandError{err: err, exit: exitConflict, code: "discarded"}
	case errors.Is(err, consumer.ErrNotAnEvent):
		return &commandError{err: err, exit: exitConflict, code: "not_an_event"}
	}
	return err
}
