package httpapi

import (
	"net/http"
	"time"
)

// Limits of a connection. They bound what one slow or greedy client can hold on to.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 40 * time.Second // more than requestTimeout after the last byte was read
	idleTimeout       = 2 * time.Minute

	// maxHeaderBytes is the limit that holds; net/http adds a buffer of headerSlop bytes to the one it is told.
	maxHeaderBytes = 16 << 10
	headerSlop     = 4 << 10
)

// NewServer returns a server for an API, with limits set for untrusted clients. It is not listening yet.
func NewServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes - headerSlop,
	}
}
