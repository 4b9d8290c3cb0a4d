package chaos

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var errDropped = errors.New("the answer is dropped")

// tap sits on the broker's side of every connection and can lose an answer: the request was executed, the connection breaks.
type tap struct {
	drops   atomic.Int64 // how many answers to EndTxn are still to be lost
	dropped atomic.Int64
}

func (t *tap) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return &tapListener{l, t}, err
}

type tapListener struct {
	net.Listener
	tap *tap
}

func (l *tapListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tapConn{Conn: conn, tap: l.tap, ends: map[int32]bool{}}, nil
}

// tapConn follows the requests of one connection. Requests and answers are 4 bytes of length and a body; a request's begins with
// its key, its version and a correlation id, an answer's with that id.
type tapConn struct {
	net.Conn
	tap *tap

	unread []byte // of the request that is being read

	mu   sync.Mutex
	ends map[int32]bool // correlation ids of EndTxn
}

func (c *tapConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.unread = append(c.unread, b[:n]...)
	for len(c.unread) >= 4 {
		size := 4 + int(binary.BigEndian.Uint32(c.unread))
		if len(c.unread) < size {
			break
		}
		if request := c.unread[4:size]; len(request) >= 8 && kmsg.Key(binary.BigEndian.Uint16(request)) == kmsg.EndTxn {
			c.mu.Lock()
			c.ends[int32(binary.BigEndian.Uint32(request[4:]))] = true
			c.mu.Unlock()
		}
		c.unread = c.unread[size:]
	}
	return n, err
}

func (c *tapConn) Write(b []byte) (int, error) {
	if len(b) >= 8 && c.tap.drops.Load() > 0 {
		c.mu.Lock()
		ended := c.ends[int32(binary.BigEndian.Uint32(b[4:]))]
		c.mu.Unlock()
		if ended && c.tap.drops.Add(-1) >= 0 {
			c.tap.dropped.Add(1)
			_ = c.Conn.Close()
			return 0, errDropped
		}
	}
	return c.Conn.Write(b)
}

// commitProxy stands before Postgres and can lose the answer to COMMIT: it was executed, the connection breaks.
type commitProxy struct {
	server  string
	drops   atomic.Int64
	dropped atomic.Int64
}

// proxied returns the address of a server behind a commitProxy.
func proxied(t *testing.T, server string) (*commitProxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &commitProxy{server: u.Host}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *commitProxy) serve(front net.Conn) {
	defer func() { _ = front.Close() }()
	back, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer func() { _ = back.Close() }()
	var deaf atomic.Bool // answers are no longer passed on
	go func() {
		defer func() { _ = front.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := back.Read(buffer)
			if err != nil {
				return
			}
			if deaf.Load() {
				p.dropped.Add(1)
				return // the server has executed it
			}
			if _, err := front.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := front.Read(buffer)
		if err != nil {
			return
		}
		if isCommit(buffer[:n]) && p.drops.Load() > 0 && p.drops.Add(-1) >= 0 {
			deaf.Store(true)
		}
		if _, err := io.Copy(back, bytes.NewReader(buffer[:n])); err != nil {
			return
		}
	}
}

// isCommit recognises the end of a transaction, which the client sends as one simple query by itself.
func isCommit(message []byte) bool {
	return len(message) > 5 && message[0] == 'Q' && bytes.EqualFold(bytes.TrimRight(message[5:], "\x00"), []byte("commit"))
}
