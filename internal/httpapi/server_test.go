package httpapi_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/httpapi"
)

// serve runs a real server and returns its address.
func (p *platform) serve(change func(*http.Server)) string {
	p.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(p.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	server := httpapi.NewServer(l.Addr().String(), p.handler)
	if change != nil {
		change(server)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	p.t.Cleanup(func() {
		_ = server.Close()
		if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
			p.t.Error(err)
		}
	})
	return l.Addr().String()
}

// talk sends raw bytes and returns the answer and whether the server then closed the connection.
func talk(t *testing.T, addr, head string, body io.Reader) (status int, text string, closed bool) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, head)
		_, _ = io.Copy(conn, body) // ends when the server hangs up
	}()
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	answered, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	closed = res.Close
	if closed {
		_, err := reader.ReadByte() // the end, or a reset if the server still had input
		var timeout net.Error
		closed = err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
		_ = conn.Close()
		<-sent
	}
	return res.StatusCode, string(answered), closed
}

const post = "POST /v1/orders HTTP/1.1\r\nHost: ordo\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"

// chunks is a chunked body without an end.
type chunks struct{}

func (chunks) Read(b []byte) (int, error) {
	return copy(b, "400\r\n"+strings.Repeat(" ", 1024)+"\r\n"), nil
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	p := setup(t)
	addr := p.serve(func(s *http.Server) { s.ReadTimeout, s.ReadHeaderTimeout = 300*time.Millisecond, 300*time.Millisecond })
	for _, tc := range []struct {
		name, head string
		body       io.Reader
		status     int
		code       string
	}{
		{"endless chunks", post + "Transfer-Encoding: chunked\r\n\r\n", io.MultiReader(chunkReader(), chunks{}), 413, "body_too_large"},
		{"Content-Length over the limit", post + "Content-Length: 65537\r\n\r\n", strings.NewReader(""), 413, "body_too_large"},
		{"body over the limit", post + "Content-Length: 65537\r\n\r\n", strings.NewReader(strings.Repeat(" ", 65537)), 413, "body_too_large"},
		{"slow body", post + "Content-Length: 10\r\n\r\n{", strings.NewReader(""), 408, "request_timeout"},
		{"bad chunk", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", strings.NewReader(""), 400, "malformed_request"},
		{"header over 16 kB", post + "X-Long: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", strings.NewReader(""), 431, ""},
		{"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", strings.NewReader(""), 400, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, text, closed := talk(t, addr, tc.head, tc.body)
			if status != tc.status || !strings.Contains(text, tc.code) || !closed {
				t.Errorf("answered %d %s, closed: %v", status, text, closed)
			}
		})
	}
	body := strings.Repeat(" ", 64<<10-len(orderBody(mugs))) + orderBody(mugs)
	head := fmt.Sprintf("%sX-Long: %s\r\nContent-Length: %d\r\n\r\n", post, strings.Repeat("x", 15<<10), len(body))
	if status, text, _ := talk(t, addr, head, strings.NewReader(body)); status != 201 {
		t.Errorf("just within the limits: %d %s", status, text)
	}
	if n := p.appended(); n != 1 {
		t.Errorf("%d events", n)
	}
}

// chunkReader begins a chunked body with some JSON, so that it is not refused for its first byte.
func chunkReader() io.Reader { return strings.NewReader("1\r\n{\r\n") }
