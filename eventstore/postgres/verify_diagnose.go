package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// maxSwapSearch bounds the events of a commit among which two that have changed places are looked for: the search is
// quadratic.
const maxSwapSearch = 256

// diagnose finds out more about the commit at, whose link is not what its events give.
func (s *stretch) diagnose(ctx context.Context) error {
	c := &s.commits[s.at]
	before := s.linkBefore()
	finding := s.result.finding
	if s.moment != c.recordedAt && c.linkOn(before, s.moment, s.leaves) == c.link {
		*finding = Finding{LinkBroken, c.first, c.last, "recorded_at of the commit was changed, its events are as they were"}
		return nil
	}
	vouched, err := s.nextVouchesFor(ctx, c, c.linkOn(before, c.recordedAt, s.leaves))
	if err != nil {
		return err
	}
	if vouched {
		*finding = Finding{LinkBroken, c.first, c.last, "the link of the commit was changed, its events are as they were"}
		return nil
	}
	if s.suspect != nil {
		*finding = *s.suspect.judge(finding)
		return nil
	}
	if i, j, found := swapped(s.leaves, func(leaves []byte) bool { return c.linkOn(before, c.recordedAt, leaves) == c.link }); found {
		i, j := c.first+eventstore.Position(i), c.first+eventstore.Position(j)
		*finding = Finding{Renumbered, i, j, fmt.Sprintf("events %d and %d have changed places", i, j)}
	}
	return nil
}

// nextVouchesFor reports whether what follows commit c was built on this link.
func (s *stretch) nextVouchesFor(ctx context.Context, c *commitRow, link eventstore.Hash) (bool, error) {
	if c.last == s.head.Position {
		return s.head.Hash == link, nil
	}
	var next commitRow
	var recordedAt time.Time
	var stored []byte
	err := s.conn.QueryRow(ctx, sqlVerifyNextCommit, pgx.StrictNamedArgs{"position": c.last}).
		Scan(&next.first, &next.last, &recordedAt, &stored)
	if isNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	copy(next.link[:], stored)
	next.recordedAt = recordedAt.UnixMicro() - epochOfPostgres
	var leaves []byte
	var e eventRow
	err = copyRows(ctx, s.conn, fmt.Sprintf(sqlVerifyEvents, c.last, next.last), eventColumns, func(row copyRow) {
		e.read(row)
		leaves = s.appendLeaf(leaves, eventstore.StreamID(e.stream), &e)
	})
	return next.linkOn(link, next.recordedAt, leaves) == next.link, err
}

// swapped finds two leaves that make the link right when they change places.
func swapped(leaves []byte, right func([]byte) bool) (i, j int, found bool) {
	n := len(leaves) / sha256.Size
	if n > maxSwapSearch {
		return 0, 0, false
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			swap(leaves, i, j)
			if right(leaves) {
				return i, j, true
			}
			swap(leaves, i, j)
		}
	}
	return 0, 0, false
}

func swap(leaves []byte, i, j int) {
	var a [sha256.Size]byte
	at := func(i int) []byte { return leaves[i*sha256.Size : (i+1)*sha256.Size] }
	copy(a[:], at(i))
	copy(at(i), at(j))
	copy(at(j), a[:])
}

func isNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
