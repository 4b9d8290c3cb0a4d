package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

var sqlFirstUnseen = statement("first_unseen")

// FirstUnseen returns the position of the first event that a consumer has not seen when it has seen partition p up to
// seen[p], 0 if it has seen them all. A broker that lost everything has to be refilled from there.
func (s *Store) FirstUnseen(ctx context.Context, seen []eventstore.Position) (first eventstore.Position, err error) {
	if err := s.pool.QueryRow(ctx, sqlFirstUnseen, pgx.StrictNamedArgs{"seen": seen}).Scan(&first); err != nil {
		return 0, fmt.Errorf("find the first unseen event: %w", err)
	}
	return first, nil
}
