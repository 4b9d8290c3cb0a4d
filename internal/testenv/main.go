package testenv

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs a package's tests, stops what this package has started for them, and fails if a goroutine is left. It never
// returns. Call it from TestMain; options say which goroutines are meant to stay.
func Main(m *testing.M, options ...goleak.Option) {
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintf(os.Stderr, "testenv: %v\n", err)
		code = max(code, 1)
	}
	// After a failure leaks are a consequence, and their stacks would bury the cause.
	if code == 0 {
		if err := goleak.Find(options...); err != nil {
			fmt.Fprintf(os.Stderr, "testenv: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

func stopShared() error {
	server := shared.server
	if server == nil {
		return nil
	}
	if err := server.Err(); err != nil {
		return err
	}
	if os.Getenv(EnvKeep) != "" {
		fmt.Fprintf(os.Stderr, "testenv: server kept in %s\n", server.Dir())
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return server.Stop(ctx)
}
