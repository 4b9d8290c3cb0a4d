package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// LinkAt returns the newest link of the hash chain at or before a position: that of the newest commit that ends there.
// It is the zero link when no commit does.
func (r reader) LinkAt(ctx context.Context, position eventstore.Position) (eventstore.Link, error) {
	var link eventstore.Link
	var hash []byte
	err := r.from.QueryRow(ctx, sqlReadLink, pgx.StrictNamedArgs{"position": position}).Scan(&link.Position, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return eventstore.Link{}, nil
	}
	if err == nil {
		link.Hash, err = hashOf(hash)
	}
	if err != nil {
		return eventstore.Link{}, fmt.Errorf("read link at %d: %w", position, err)
	}
	return link, nil
}

// hashOf is for bytes of the database, whose length someone may have changed.
func hashOf(b []byte) (eventstore.Hash, error) {
	if len(b) != sha256.Size {
		return eventstore.Hash{}, fmt.Errorf("a hash of %d bytes, want %d", len(b), sha256.Size)
	}
	return eventstore.Hash(b), nil
}

// hashed is an event of a stream with its leaf hash, independent of the memory of e: the bytes that are hashed are the
// bytes that will be stored. An append that expects no certain version has leaf hashes for none, see [group.leafOf].
func hashed(s eventstore.StreamAppend, place int, e preparedEvent) preparedEvent {
	leaf := e.leaf(s.Stream, eventstore.Version(s.Expected)+eventstore.Version(place)+1)
	encoded := leaf.Encode(make([]byte, 0, leaf.EncodedLen()))
	if s.Expected != eventstore.AnyVersion {
		e.hash = sha256.Sum256(encoded)
	}
	metadata := len(encoded) - len(e.metadata)
	data := metadata - 8
	e.data = encoded[data-len(e.data) : data : data]
	e.metadata = encoded[metadata:]
	return e
}

func (e *preparedEvent) leaf(stream eventstore.StreamID, version eventstore.Version) eventstore.Leaf {
	return eventstore.Leaf{
		Stream: stream, Version: version, ID: e.id, Type: e.eventType, SchemaVersion: int(e.schemaVersion),
		Data: e.data, Metadata: e.metadata,
	}
}

// leafOf returns the leaf hash of an event that the group gives a version. Most were computed by the callers: who expects a
// version knows it.
func (g *group) leafOf(s preparedStream, e preparedEvent, version eventstore.Version) eventstore.Hash {
	if s.expected != eventstore.AnyVersion {
		return e.hash
	}
	leaf := e.leaf(s.id, version)
	g.scratch = leaf.Encode(g.scratch[:0])
	return sha256.Sum256(g.scratch)
}
