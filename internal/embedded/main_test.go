package embedded

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// envHelper makes the test binary play the process that gets killed, on the data folder it names.
const envHelper = "ORDO_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envHelper); dir != "" {
		log.Fatal(insertUntilKilled(dir))
	}
	goleak.VerifyTestMain(m)
}

// insertUntilKilled starts a server and commits one row after the other. It prints the server's pid, then the number of
// each row once its commit is acknowledged.
func insertUntilKilled(dir string) error {
	ctx := context.Background()
	server, err := StartPostgres(ctx, PostgresConfig{DataDir: dir})
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE TABLE acknowledged (n int)`); err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	say := func(n int) error {
		_, _ = fmt.Fprintln(out, n) // the writer keeps the error for Flush
		return out.Flush()
	}
	if err := say(server.PID()); err != nil {
		return err
	}
	for n := 1; ; n++ {
		if _, err := conn.Exec(ctx, `INSERT INTO acknowledged VALUES ($1)`, n); err != nil {
			return err
		}
		if err := say(n); err != nil {
			return err
		}
	}
}
