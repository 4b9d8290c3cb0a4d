package embedded

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

// PortTakenError says that somebody listens on the port that was asked for.
type PortTakenError struct {
	Port int
	Err  error
}

func (e *PortTakenError) Error() string {
	return fmt.Sprintf("port %d of 127.0.0.1 is taken: stop what listens there or choose another port", e.Port)
}

func (e *PortTakenError) Unwrap() error { return e.Err }

// choosePort returns the wanted port or an error; with none wanted, the last one if it is free, else a free one.
func choosePort(ctx context.Context, wanted, last int) (int, error) {
	if wanted != 0 {
		if _, err := probePort(ctx, wanted); err != nil {
			return 0, &PortTakenError{Port: wanted, Err: err}
		}
		return wanted, nil
	}
	if last != 0 {
		if port, err := probePort(ctx, last); err == nil {
			return port, nil
		}
	}
	return probePort(ctx, 0)
}

func probePort(ctx context.Context, port int) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
