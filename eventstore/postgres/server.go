package postgres

import (
	"context"
	"fmt"

	"github.com/ordo-platform/ordo/eventstore"
)

const minServerVersion = 150000

// UnfitServerError says why a server, or a database on it, cannot keep a log, and what to do. It is an
// eventstore.ErrUnavailable: a failover may put things right.
type UnfitServerError struct {
	Reason string
	Unsafe bool // it works, but may lose commits: Config.UnsafeDurability accepts it
}

func (e *UnfitServerError) Error() string { return e.Reason }

// Is makes the error an eventstore.ErrUnavailable.
func (e *UnfitServerError) Is(target error) bool { return target == eventstore.ErrUnavailable }

// CheckServer refuses a server that cannot be written to, is too old, or may lose a commit that it has acknowledged, with an
// *[UnfitServerError]. Seen on PostgreSQL 15.18: with synchronous_commit off, a plain kill -9 of the server loses
// acknowledged rows, no power cut needed.
//
// A store asks at Open and for each new connection of its writer: a server may come back with other settings, or as a
// standby of the one that has taken over.
func CheckServer(ctx context.Context, db querier, unsafeDurability bool) error {
	var s server
	err := db.QueryRow(ctx, sqlReadServer).Scan(&s.version, &s.standby, &s.readOnly,
		&s.fsync, &s.fullPageWrites, &s.synchronousCommit)
	if err != nil {
		return fmt.Errorf("read server settings: %w", err)
	}
	if unfit := s.unfit(unsafeDurability); unfit != nil {
		return unfit
	}
	return nil
}

// checkEncoding refuses a database that cannot keep every text.
func checkEncoding(ctx context.Context, db querier) error {
	var database, encoding string
	err := db.QueryRow(ctx, "SELECT current_database(), current_setting('server_encoding')").Scan(&database, &encoding)
	if err != nil {
		return fmt.Errorf("read encoding: %w", err)
	}
	if encoding != "UTF8" {
		return &UnfitServerError{Reason: fmt.Sprintf("database %s has the encoding %s: make it anew with ENCODING 'UTF8'", database, encoding)}
	}
	return nil
}

// server is what is asked of one.
type server struct {
	version                                            int
	standby                                            bool
	readOnly, fsync, fullPageWrites, synchronousCommit string
}

func (s server) unfit(unsafeDurability bool) *UnfitServerError {
	unfit := func(format string, args ...any) *UnfitServerError {
		return &UnfitServerError{Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case s.version < minServerVersion:
		return unfit("the server is PostgreSQL %d, which is too old: use %d or newer", s.version/10000, minServerVersion/10000)
	case s.standby:
		return unfit("the server is a standby, which nobody can write to: use the address of the primary, or those of both with target_session_attrs=read-write")
	case s.readOnly == "on":
		return unfit("the server takes no writes, default_transaction_read_only is on: free its disk if it is full, else turn the setting off")
	case unsafeDurability:
		return nil
	}
	for _, setting := range []struct{ name, value string }{
		{"fsync", s.fsync}, {"full_page_writes", s.fullPageWrites}, {"synchronous_commit", s.synchronousCommit},
	} {
		if setting.value == "off" {
			return &UnfitServerError{Unsafe: true, Reason: fmt.Sprintf("the server may lose what it has acknowledged, %s is off: turn it on", setting.name)}
		}
	}
	return nil
}
