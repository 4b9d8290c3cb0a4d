package testenv

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// taken are the addresses that this process has given away, also those of servers that are down.
var taken sync.Map

// Address returns an address for a server that a test stops and starts again. Unlike one that the system chooses, it is nobody
// else's while the server is down: systems take the ports of outgoing connections from higher ones.
func Address(t testing.TB) string {
	t.Helper()
	const low, high = 20_000, 32_000
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(low+rand.N(high-low))) //nolint:gosec // a port
		if _, given := taken.LoadOrStore(address, true); given {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("testenv: no port is free")
	return ""
}

func port(address string) int {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return n
}
