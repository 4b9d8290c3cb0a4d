package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/readmodels"
)

// replayFlags are those of ordo replay.
type replayFlags struct {
	service string
	until   string

	dryRun, noSwap, verifyOnly, expectChanges, resume, rollback, retireOld bool
	sample, concurrency                                                    int
}

func newReplayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay PROJECTION",
		Short: "Rebuild a read model beside the live one, prove it, and put it in its place",
		Long: `Rebuild a read model from the event store: fill a new generation of its tables beside the live one, catch up with what comes
in meanwhile, compare every row with the live ones at the same positions, and swap in one transaction. Queries see the live
generation until then, and no gap. The old generation is kept, and kept up to date by the programs with its fold, for
--rollback.

Rows that differ stop the replay with exit code 6, before the swap. When the fold was changed on purpose, --expect-changes
lets them pass: the differences are shown by column, and the swap follows. Ctrl-C, and even kill -9, leave a state that
--resume goes on from. The process runs at a low priority, so that live orders go first where they share a machine.

Read models: ` + strings.Join(modelNames(), ", ") + `.
It works on the databases themselves: those of a running "ordo dev", else ORDO_<SERVICE>_DATABASE_URL.`,
		Example: `  ordo replay orderview                             # rebuild, compare, swap
  ordo replay orderview --dry-run                   # what would happen, and about how long it would take
  ordo replay orderview --no-swap                   # stop when the new generation is verified
  ordo replay orderview --resume                    # go on where an earlier replay stopped, and swap
  ordo replay orderview --resume --expect-changes   # rows may differ: the fold was changed on purpose
  ordo replay orderview --rollback                  # back to the generation before, at once
  ordo replay orderview --retire-old                # drop all generations but the live one
  ordo replay orderview --verify-only               # does the live generation equal a fresh fold?
  ordo replay orderview --verify-only --sample 1000 # the same for 1000 rows chosen at random
  ordo replay orderview --until 2026-05-06T12:00:00Z # the past, to look at with: ordo order list --generation N
  ordo replay stocklevels --until 4711 --concurrency 2
  ordo replay productview --service orders          # the copy that orders are priced from`,
		Args:              oneArg("the name of a read model"),
		ValidArgsFunction: completeModels,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			kept, err := findModel(cmd, args[0], f.service)
			if err != nil {
				return err
			}
			return f.run(cmd, kept)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.service, "service", "views", "the `service` that keeps the read model")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would happen")
	flags.BoolVar(&f.noSwap, "no-swap", false, "stop before the swap")
	flags.StringVar(&f.until, "until", "", "build the state as of a `position or time`, beside all others, never to become live")
	flags.BoolVar(&f.verifyOnly, "verify-only", false, "compare the live generation with a fresh fold, change nothing")
	flags.IntVar(&f.sample, "sample", 0, "with --verify-only: `rows` to compare, chosen at random (default all)")
	flags.BoolVar(&f.expectChanges, "expect-changes", false, "rows may differ from the live ones; show how, and swap")
	flags.IntVar(&f.concurrency, "concurrency", 0, "key `slices` that are folded at the same time (default 4)")
	flags.BoolVar(&f.resume, "resume", false, "go on with what an earlier replay left")
	flags.BoolVar(&f.rollback, "rollback", false, "make the generation before live again")
	flags.BoolVar(&f.retireOld, "retire-old", false, "drop every generation but the live one")
	completeFlag(cmd, "service", "views", "orders")
	return cmd
}

// check refuses flags that contradict each other.
func (f *replayFlags) check(cmd *cobra.Command) error {
	if err := refuseEmpty(cmd, "until", "service"); err != nil {
		return err
	}
	var alone []string
	for _, name := range []string{"dry-run", "until", "verify-only", "rollback", "retire-old"} {
		if cmd.Flag(name).Changed {
			alone = append(alone, "--"+name)
		}
	}
	if len(alone) > 1 {
		return usagef(cmd, "%s exclude each other", strings.Join(alone, " and "))
	}
	for _, name := range []string{"no-swap", "expect-changes", "resume"} {
		if len(alone) == 1 && cmd.Flag(name).Changed {
			return usagef(cmd, "--%s means nothing with %s", name, alone[0])
		}
	}
	if cmd.Flag("sample").Changed && (!f.verifyOnly || f.sample < 1) {
		return usagef(cmd, "--sample wants a number of rows, 1 or more, and --verify-only")
	}
	if cmd.Flag("concurrency").Changed && f.concurrency < 1 {
		return usagef(cmd, "--concurrency %d: want 1 or more", f.concurrency)
	}
	if f.until != "" {
		if _, _, err := parseUntil(f.until); err != nil {
			return usagef(cmd, "--until %q: %s", f.until, err)
		}
	}
	return nil
}

// parseUntil reads a position or a time.
func parseUntil(text string) (position int64, at time.Time, err error) {
	if position, err = strconv.ParseInt(text, 10, 64); err == nil {
		if position < 1 {
			return 0, at, fmt.Errorf("positions begin with 1")
		}
		return position, at, nil
	}
	if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return 0, at, fmt.Errorf("want a position, or a time like 2026-05-06T12:00:00Z")
	}
	return 0, at, nil
}

func modelNames() []string {
	var names []string
	for _, kept := range readmodels.All() {
		if !slices.Contains(names, kept.Name) {
			names = append(names, kept.Name)
		}
	}
	return names
}

func completeModels(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return modelNames(), cobra.ShellCompDirectiveNoFileComp
}

// findModel is a read model as a service keeps it.
func findModel(cmd *cobra.Command, name, service string) (readmodels.Kept, error) {
	var keepers []string
	for _, kept := range readmodels.All() {
		if kept.Name == name && kept.Service == service {
			return kept, nil
		}
		if kept.Name == name {
			keepers = append(keepers, kept.Service)
		}
	}
	if len(keepers) > 0 {
		return readmodels.Kept{}, usagef(cmd, "service %s does not keep %s; --service %s does", service, name, strings.Join(keepers, ", --service "))
	}
	return readmodels.Kept{}, usagef(cmd, "no read model %q: want one of %s", name, strings.Join(modelNames(), ", "))
}
