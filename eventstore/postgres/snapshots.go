package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ordo-platform/ordo/eventstore"
)

// SaveSnapshots keeps snapshots, of each stream and state version at most one, in a transaction of its own. One that is
// older than what is kept already is dropped, and so is one that is larger than eventstore.MaxSnapshotBytes.
func (s *Store) SaveSnapshots(ctx context.Context, snapshots ...eventstore.Snapshot) error {
	var (
		ids                     [][16]byte
		versions, stateVersions []int32
		streams                 []string
		states                  pgtype.FlatArray[[]byte]
	)
	for _, snapshot := range snapshots {
		if len(snapshot.State) > eventstore.MaxSnapshotBytes {
			continue
		}
		ids = append(ids, snapshot.EventID)
		versions = append(versions, int32(snapshot.Version))                //nolint:gosec // the column is an integer
		stateVersions = append(stateVersions, int32(snapshot.StateVersion)) //nolint:gosec // as above
		streams = append(streams, string(snapshot.Stream))
		states = append(states, snapshot.State)
	}
	if len(streams) == 0 {
		return nil
	}
	_, err := s.pool.Exec(ctx, sqlSaveSnapshots, pgx.StrictNamedArgs{
		"ids": ids, "versions": versions, "state_versions": stateVersions, "streams": streams, "states": states,
	})
	if err != nil {
		return fmt.Errorf("save %d snapshots: %w", len(streams), err)
	}
	return nil
}

// ReadStreams leaves streams without events out of its answer.
func (r reader) ReadStreams(ctx context.Context, streams map[eventstore.StreamID]int) (map[eventstore.StreamID]eventstore.History, error) {
	ids, stateVersions := make([]string, 0, len(streams)), make([]int32, 0, len(streams))
	for id, stateVersion := range streams {
		ids = append(ids, string(id))
		stateVersions = append(stateVersions, int32(stateVersion)) //nolint:gosec // the column is an integer
	}
	rows, err := r.read(ctx, sqlReadStreams, pgx.StrictNamedArgs{"streams": ids, "state_versions": stateVersions}, 0)
	if err != nil {
		return nil, fmt.Errorf("read %d streams: %w", len(streams), err)
	}
	histories := make(map[eventstore.StreamID]eventstore.History, len(streams))
	for len(rows) > 0 {
		id, n := rows[0].Stream, 1
		for n < len(rows) && rows[n].Stream == id {
			n++
		}
		var h eventstore.History
		h.Snapshot, h.Events = splitSnapshot(rows[:n:n])
		histories[id] = h
		rows = rows[n:]
	}
	return histories, nil
}

// splitSnapshot takes a stream's snapshot off its rows: the first of them if it has no type, which no event is without.
func splitSnapshot(rows []eventstore.Recorded) (*eventstore.Snapshot, []eventstore.Recorded) {
	first := rows[0]
	if first.Type != "" {
		return nil, rows
	}
	return &eventstore.Snapshot{
		Stream: first.Stream, Version: first.Version, EventID: first.ID, StateVersion: first.SchemaVersion, State: first.Data,
		Position: first.Position,
	}, rows[1:]
}
