package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/psp"
)

func newPaymentSimulatorCommand() *cobra.Command {
	addr := textFlag{value: "127.0.0.1:8090", kind: "string", check: checkListenAddr}
	var ledger string
	cmd := &cobra.Command{
		Use:   "payment-simulator",
		Short: "Run a payment provider that moves no money",
		Long: `Serve the payment provider that "ordo dev" has built in, for services that run apart: payments.provider_url is its
address. What payment_method an order names tells it what to do: pm_ok, pm_declined, pm_slow, pm_flaky, pm_hang,
pm_error_after_charge.`,
		Example: "  ordo payment-simulator --addr :8090 --ledger /data/provider.jsonl",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseEmpty(cmd, "ledger"); err != nil {
				return err
			}
			return simulate(cmd.Context(), addr.value, ledger)
		},
	}
	cmd.Flags().Var(&addr, "addr", "`address` to serve on")
	cmd.Flags().StringVar(&ledger, "ledger", "", "`file` to keep all operations in (default memory only)")
	return cmd
}

func simulate(ctx context.Context, addr, ledger string) error {
	simulator, err := psp.NewSimulator(psp.SimulatorConfig{LedgerFile: ledger})
	if err != nil {
		return err
	}
	listener, err := listen(ctx, addr, "--addr")
	if err != nil {
		return errors.Join(err, simulator.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/health+json")
		_, _ = io.WriteString(w, `{"status":"pass"}`)
	})
	mux.Handle("/", simulator)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, // ends calls that hang
	}
	stop := context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(limited) // who is left is cut off when the process ends
	})
	defer stop()
	if err = server.Serve(listener); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, simulator.Close())
}
