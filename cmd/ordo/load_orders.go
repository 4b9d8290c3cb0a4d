package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/internal/load"
)

func newLoadOrdersCommand() *cobra.Command {
	var c load.OrdersConfig
	mix := &textFlag{value: "confirmed=1", kind: "string", check: func(text string) error { _, err := load.ParseMix(text); return err }}
	cmd := &cobra.Command{
		Use:   "orders",
		Short: "Place orders at a steady rate and follow each to its end",
		Long: fmt.Sprintf(`Place orders at a steady rate on a running platform and follow each to its end, for products and a customer made for this
run. Orders are sent when they are due, whether or not those before were answered, and latencies count from the moment
an order was due: a platform that falls behind cannot hide it. An order has ended when its last event is on the topic.

The mix says how the orders are meant to go, with weights: %s.
With --hot-sku N all orders want one piece of the same product, of which there are N; rejections are expected then.

Exits with %d when an order did not end, ended in another way than it was meant to, or a piece was sold twice.`, fateNames(), exitCheck),
		Example: `  ordo load orders --rate 600 --duration 1m
  ordo load orders --rate 200 --duration 30s --mix confirmed=80,declined=10,out_of_stock=10 -o json
  ordo load orders --rate 1000 --count 10000 --hot-sku 100`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.Mix, err = load.ParseMix(mix.value); err != nil {
				return usagef(cmd, "--mix: %s", err)
			}
			if err := checkLoad(cmd, c); err != nil {
				return err
			}
			return runLoadOrders(cmd, c)
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&c.Rate, "rate", 100, "orders per second")
	flags.DurationVar(&c.Duration, "duration", 30*time.Second, "how long to send")
	flags.IntVar(&c.Count, "count", 0, "how many orders to send, instead of --duration")
	flags.DurationVar(&c.Warmup, "warmup", 2*time.Second, "how long to send before anything is measured")
	flags.Var(mix, "mix", "`fates` of the orders and their weights")
	flags.IntVar(&c.SKUs, "skus", 100, "products that the orders are spread over")
	flags.Int64Var(&c.HotPieces, "hot-sku", 0, "all orders want one product of which there are so many `pieces`")
	flags.Uint64Var(&c.Seed, "seed", rand.Uint64(), "the same seed sends the same orders (default a random one)") //nolint:gosec // not a secret
	flags.DurationVar(&c.Settle, "settle", time.Minute, "how long to wait for the last orders to end")
	flags.StringSliceVar(&c.Brokers, "kafka-brokers", nil, "where the topics are (`host:port,...`; default $ORDO_KAFKA_BROKERS, else a running ordo dev)")
	flags.Lookup("seed").DefValue = "0" // hides the one that was drawn
	return cmd
}

func checkLoad(cmd *cobra.Command, c load.OrdersConfig) error {
	switch {
	case c.Rate <= 0 || c.Rate > 100_000:
		return usagef(cmd, "--rate %g: want more than 0, at most 100000", c.Rate)
	case cmd.Flags().Changed("count") && c.Count < 1:
		return usagef(cmd, "--count %d: want 1 or more", c.Count)
	case cmd.Flags().Changed("count") && cmd.Flags().Changed("duration"):
		return usagef(cmd, "--count and --duration: want one of them")
	case c.Duration <= 0 || c.Warmup < 0 || c.Settle <= 0:
		return usagef(cmd, "--duration, --warmup and --settle are not negative, and only --warmup may be zero")
	case c.SKUs < 1 || c.SKUs > 10_000:
		return usagef(cmd, "--skus %d: want 1 to 10000", c.SKUs)
	case c.HotPieces < 0 || c.HotPieces > 1_000_000:
		return usagef(cmd, "--hot-sku %d: want 1 to 1000000", c.HotPieces)
	}
	return nil
}

func runLoadOrders(cmd *cobra.Command, c load.OrdersConfig) error {
	api, err := newClient(cmd)
	if err != nil {
		return err
	}
	defer api.Close()
	c.URL = api.URL()
	if c.Brokers, err = kafkaBrokers(c.Brokers, os.Getenv); err != nil {
		return err
	}
	c.Say = func(format string, args ...any) { say(cmd, format, args...) }
	say(cmd, "placing orders at %g/s, %s, seed %d …", c.Rate, c.Mix, c.Seed)
	report, err := load.Orders(cmd.Context(), c)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := printLoad(cmd, report); err != nil {
		return err
	}
	if !report.OK() {
		return &commandError{err: errors.New("not all orders ended as they should"), exit: exitCheck, code: "check_failed"}
	}
	return nil
}

// kafkaBrokers looks for the addresses of the brokers.
func kafkaBrokers(flag []string, getenv func(string) string) ([]string, error) {
	if len(flag) > 0 {
		return flag, nil
	}
	if brokers := getenv("ORDO_KAFKA_BROKERS"); brokers != "" {
		return strings.Split(brokers, ","), nil
	}
	dir, err := devfile.DefaultDir(getenv)
	if err == nil {
		var running devfile.File
		if running, err = devfile.Read(dir); err == nil {
			return running.Kafka, nil
		}
	}
	return nil, &commandError{err: fmt.Errorf("no Kafka brokers: %w", err), exit: exitUsage, code: "usage", advice: "Say where they are with --kafka-brokers"}
}

func printLoad(cmd *cobra.Command, r load.Report) error {
	if wantsJSON(cmd) {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return printJSON(cmd, body)
	}
	err := printTable(cmd, func(w io.Writer) {
		row(w, "sent", fmt.Sprintf("%d at %g/s", r.Sent, r.Rate))
		row(w, "placed", fmt.Sprintf("%d, %.0f/s", r.Placed, r.PlacedPerSecond))
		row(w, "ended", fmt.Sprintf("%d, %.0f/s", r.Ended, r.EndedPerSecond))
		for _, c := range r.Refused {
			row(w, c.Name, c.Orders)
		}
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	err = printTable(cmd, func(w io.Writer) {
		row(w, "LATENCY", "ORDERS", "p50", "p90", "p99", "p99.9", "MAX", "ENDED AS")
		latencyRow(w, "place", r.PlaceLatency, "")
		for _, f := range r.Fates {
			var as []string
			for _, c := range f.Statuses {
				as = append(as, fmt.Sprintf("%s %d", c.Name, c.Orders))
			}
			latencyRow(w, "to the end: "+string(f.Fate), f.Latency, strings.Join(as, ", "))
		}
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	return printTable(cmd, func(w io.Writer) {
		row(w, "", "CHECK", "FOUND")
		for _, c := range r.Checks {
			row(w, tick(c.OK), c.Name, c.Detail)
		}
	})
}

func latencyRow(w io.Writer, name string, l load.Latency, as string) {
	ms := func(v float64) string { return fmt.Sprintf("%.1f ms", v) }
	row(w, name, l.Count, ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max), as)
}

func fateNames() string {
	var names []string
	for _, f := range load.Fates() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}
