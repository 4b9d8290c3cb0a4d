package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
)

// verifyConns is enough for as many workers as are of use, and the reads beside them.
const verifyConns = 16

type verifyOptions struct {
	services   []string
	from       int64
	heads      string
	writeHeads string
}

func newVerifyCommand() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [SERVICE...]",
		Short: "Check that no event was changed, removed, added or moved",
		Long: fmt.Sprintf(`Walk the hash chain of the services' event logs (default: of all) and compare every event with it, and with what must follow
from the events before it. Of each log the first bad position is reported and what is wrong there; then the exit code is %d.
Appends are not held up, and memory does not grow with the log.

A chain that was made anew over changed events is in order, and so is one whose end was cut off. To find that, keep heads
outside the database: --write-heads appends those of the logs that were in order to a file, one JSON object
{"service","position","hash","time"} a line; --heads compares. The relays publish a head with every checkpoint: --heads kafka
compares with those (of a running "ordo dev", else of ORDO_KAFKA_BROKERS).

Databases are those of a running "ordo dev", or those that ORDO_<SERVICE>_DATABASE_URL name. With -o json the answer is one object
{"services":[{"service","status","events","head","heads_checked","finding"}]}; status is ok or differs, and finding is null or
{"kind","position","last","detail"} with one of these kinds: %s.
docs/hash-chain.md says how to check without this program.`, exitCheck, strings.Join(findingKinds(), ", ")),
		Example: `  ordo verify
  ordo verify orders --from 1000000
  ordo verify --heads heads.jsonl --write-heads heads.jsonl
  ordo verify --heads kafka -o json | jq '.services[].finding'`,
		ValidArgs: logServices(),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.services = unique(args)
			if err := o.check(cmd); err != nil {
				return err
			}
			return runVerify(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&o.from, "from", 0, "first `position` to check; needs one SERVICE")
	flags.StringVar(&o.heads, "heads", "", "compare with the heads in this `file`, or with those the relays published (kafka)")
	flags.StringVar(&o.writeHeads, "write-heads", "", "append the present heads to this `file`")
	return cmd
}

func findingKinds() []string {
	return []string{
		string(postgres.BytesChanged), string(postgres.EventMissing), string(postgres.EventAdded), string(postgres.Renumbered),
		string(postgres.DerivedWrong), string(postgres.LinkBroken), string(postgres.TailCut), string(postgres.ChainRewritten),
	}
}

func unique(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

func (o verifyOptions) check(cmd *cobra.Command) error {
	if err := refuseEmpty(cmd, "heads", "write-heads"); err != nil {
		return err
	}
	if err := checkServices(cmd, o.services); err != nil {
		return err
	}
	switch {
	case !cmd.Flags().Changed("from"):
	case o.from < 1:
		return usagef(cmd, "--from %d: positions begin with 1", o.from)
	case len(o.services) != 1:
		return usagef(cmd, "--from needs one SERVICE: each has positions of its own")
	}
	return nil
}

// verified is what is told about one service.
type verified struct {
	Service string            `json:"service"`
	Status  string            `json:"status"`
	Events  int64             `json:"events"`
	Head    eventstore.Link   `json:"head"`
	Heads   int               `json:"heads_checked"`
	Finding *postgres.Finding `json:"finding"`
}

const (
	statusOK      = "ok"
	statusDiffers = "differs"
)

func runVerify(cmd *cobra.Command, o verifyOptions) error {
	ctx := cmd.Context()
	// Heads are read before the logs: a log may grow meanwhile, and then holds them all the same.
	heads, err := readHeads(cmd, o.heads)
	if err != nil {
		return err
	}
	databases, closeAll, err := openDatabases(ctx, o.services, verifyConns)
	if err != nil {
		return err
	}
	defer closeAll()
	for _, service := range leftOut(o.services, databases) {
		say(cmd, "%s: not verified, its database is not known (%s)", service, databaseOf(service))
	}
	var all []verified
	for _, d := range databases {
		v, err := verifyOne(ctx, cmd, d, postgres.VerifyConfig{From: eventstore.Position(o.from), Heads: heads[d.service]})
		if behind, ok := errors.AsType[*postgres.BehindEndError](err); ok {
			return usagef(cmd, "--from %d is behind the end of the log, which is %d", behind.From, behind.End)
		}
		if err != nil {
			return aboutDatabase(d.service, err)
		}
		if o.heads != "" && v.Heads == 0 && v.Head.Position > 0 {
			say(cmd, "%s: there is no head of this service in %s", d.service, o.heads)
		}
		all = append(all, v)
	}
	if o.writeHeads != "" {
		if err := appendHeads(o.writeHeads, all); err != nil {
			return err
		}
	}
	if err := printVerified(cmd, all); err != nil {
		return err
	}
	return verdictOn(all)
}

// leftOut are the services that were meant, but are not among the databases that could be found.
func leftOut(named []string, databases []serviceDatabase) []string {
	if len(named) > 0 {
		return nil // those are all there, or it is an error
	}
	return slices.DeleteFunc(logServices(), func(service string) bool {
		return slices.ContainsFunc(databases, func(d serviceDatabase) bool { return d.service == service })
	})
}

func verifyOne(ctx context.Context, cmd *cobra.Command, d serviceDatabase, cfg postgres.VerifyConfig) (verified, error) {
	var p *progress
	cfg.Progress = func(checked, total int64) {
		if p == nil {
			p = startProgress(cmd, "verify "+d.service+":", total)
		}
		p.reach(checked, checked)
	}
	result, err := postgres.Verify(ctx, d.pool, cfg)
	if p != nil {
		p.stop()
	}
	v := verified{
		Service: d.service, Status: statusOK, Events: result.Events, Head: result.Head, Heads: len(cfg.Heads), Finding: result.Finding,
	}
	if v.Finding != nil {
		v.Status = statusDiffers
	}
	return v, err
}

func printVerified(cmd *cobra.Command, all []verified) error {
	if wantsJSON(cmd) {
		body, err := json.Marshal(map[string]any{"services": all})
		if err != nil {
			return err
		}
		return printJSON(cmd, body)
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "SERVICE", "STATUS", "EVENTS", "HEAD", "HASH", "HEADS", "FINDING")
		for _, v := range all {
			finding := "-"
			if v.Finding != nil {
				finding = fmt.Sprintf("%s, %s", v.Finding.Kind, v.Finding)
			}
			row(w, v.Service, v.Status, v.Events, v.Head.Position, v.Head.Hash.String()[:12], v.Heads, finding)
		}
	})
}

func verdictOn(all []verified) error {
	var bad []string
	for _, v := range all {
		if v.Finding != nil {
			bad = append(bad, v.Service)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &commandError{
		err:  errors.New("not what was written: " + strings.Join(bad, ", ")),
		exit: exitCheck, code: "log_differs",
		advice: "Keep the database as it is, and compare it with a backup or with the topic",
	}
}
