package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Rollup keeps sums over the rows of a model in a second table. Whatever order events come in and however they are cut into
// batches, the sums are those over the rows as they are: when a row changes, what it added before is taken away and what it
// adds now is put there.
type Rollup[R any] struct {
	Table   string
	Columns []string // those of the key, then the sums
	Key     int      // how many of them are the key

	// Of is what a row adds; nothing for the zero R. It is pure.
	Of func(R) []Share

	AddSQL string // @shares jsonb, an array of Share → added to the sums, in the order of keys
}

// Share is what a row adds to the sums under one key. Places that the table has no column for stay empty.
type Share struct {
	Key     [3]string `json:"key"`
	Amounts [3]int64  `json:"amounts"`
}

// shares are changes of sums that were not written yet.
type shares map[[3]string][3]int64

// move adds what a row adds, or with sign -1 takes it away.
func (s shares) move(list []Share, sign int64) {
	for _, share := range list {
		sums := s[share.Key]
		for i, amount := range share.Amounts {
			sums[i] += sign * amount
		}
		s[share.Key] = sums
	}
}

// share moves what rows add to the sums, if the model keeps any.
func (m Model[R]) share(into shares, rows map[string]R, sign int64) {
	if m.Rollup == nil {
		return
	}
	for _, row := range rows {
		into.move(m.Rollup.Of(row), sign)
	}
}

// add writes changes of sums within tx, and forgets them. Other transactions that change the same sums wait until tx ends.
func (r *Rollup[R]) add(ctx context.Context, tx pgx.Tx, changes shares) error {
	var list []Share
	for key, amounts := range changes {
		if amounts != [3]int64{} {
			list = append(list, Share{key, amounts})
		}
	}
	clear(changes)
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b Share) int { return slices.Compare(a.Key[:], b.Key[:]) })
	encoded, err := json.Marshal(list)
	if err == nil {
		_, err = tx.Exec(ctx, r.AddSQL, pgx.StrictNamedArgs{"shares": encoded})
	}
	if err != nil {
		return fmt.Errorf("add %d sums to %s: %w", len(list), r.Table, err)
	}
	return nil
}
