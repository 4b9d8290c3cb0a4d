package app_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/psp"
)

// TestStopWithABatchThatHangs: a batch that cannot end, because somebody keeps the head of its log, is given up in time for
// everything after it to stop in order.
func TestStopWithABatchThatHangs(t *testing.T) {
	t.Parallel()
	p := start(t, app.LocalConfig{Logger: slog.New(slog.DiscardHandler)})
	customer := p.openShop(t)
	p.confirm(t, customer, "all is well", client.Item{SKU: "MUG", Quantity: 1})

	conn, err := pgx.Connect(t.Context(), p.Databases[app.Inventory])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT FROM log_head FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	_, err = p.client.PlaceOrder(t.Context(), "hangs", client.PlaceOrder{
		CustomerID: customer, Lines: []client.Item{{SKU: "MUG", Quantity: 1}}, PaymentMethod: psp.MethodOK,
	})
	if err != nil {
		t.Fatal(err)
	}
	for waits := false; !waits; <-time.After(5 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	p.stop() // fails the test if a stage did not stop
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
}
