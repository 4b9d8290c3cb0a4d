package integration

import (
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/ordo-platform/ordo/internal/testenv"
)

// link is the network between a platform and a server.
type link struct{ proxy *toxiproxy.Proxy }

func newLink(t *testing.T, server string) *link {
	t.Helper()
	registry := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &link{toxiproxy.NewProxy(registry, server, testenv.Address(t), server)}
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.proxy.Stop)
	return l
}

func (l *link) addr() string { return l.proxy.Listen }

// cut ends all connections and makes none.
func (l *link) cut() { l.proxy.Stop() }

// mend is the end of a cut.
func (l *link) mend(t *testing.T) {
	t.Helper()
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}

// lead leads to another server from now on. Connections to the one before end.
func (l *link) lead(t *testing.T, server string) {
	t.Helper()
	if err := l.proxy.Update(&toxiproxy.Proxy{Listen: l.addr(), Upstream: server, Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if !l.proxy.Enabled {
		l.mend(t)
	}
}

// The directions of a link.
const (
	requests = "upstream"
	answers  = "downstream"
)

// silence lets nothing through in a direction, and says so to nobody: connections stay.
func (l *link) silence(t *testing.T, direction string) {
	t.Helper()
	l.toxic(t, direction, `"type": "timeout", "attributes": {"timeout": 0}`)
}

// slow delays everything in a direction, and lets little through.
func (l *link) slow(t *testing.T, direction string) {
	t.Helper()
	l.toxic(t, direction, `"type": "latency", "attributes": {"latency": 150, "jitter": 100}`)
	l.toxic(t, direction, `"type": "bandwidth", "attributes": {"rate": 100}`) // kB/s
}

func (l *link) toxic(t *testing.T, direction, what string) {
	t.Helper()
	_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"stream": %q, "toxicity": 1, %s}`, direction, what)))
	if err != nil {
		t.Fatal(err)
	}
}

// heal ends silence and slowness. What was swallowed does not come any more: its connections end.
func (l *link) heal(t *testing.T) {
	t.Helper()
	l.proxy.Toxics.ResetToxics(t.Context())
}
