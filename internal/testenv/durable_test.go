package testenv_test

import (
	"testing"

	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestDurablePostgresComesBackWithWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	server := testenv.DurablePostgres(t)
	url := server.URL()
	conn := connect(t, url)
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := conn.QueryRow(t.Context(), "SHOW "+setting).Scan(&value); err != nil || value != "on" {
			t.Errorf("%s = %q, %v", setting, value, err)
		}
	}
	if _, err := conn.Exec(t.Context(), `CREATE TABLE t AS SELECT 1 AS n`); err != nil {
		t.Fatal(err)
	}

	server.Kill()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the connection survived its server")
	}
	for range 2 { // after a crash, then in order
		server.Restart()
		if server.URL() != url {
			t.Errorf("address changed: %s, then %s", url, server.URL())
		}
		var n int
		if err := connect(t, url).QueryRow(t.Context(), `SELECT n FROM t`).Scan(&n); err != nil {
			t.Error(err)
		}
	}
}
