package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ordo-platform/ordo/eventstore"
)

// checkHeads finds the first of the heads kept outside that is not in the chain.
func (v *verifier) checkHeads(ctx context.Context) (*Finding, error) {
	heads := slices.Clone(v.config.Heads)
	slices.SortFunc(heads, func(a, b eventstore.Link) int { return cmp.Compare(a.Position, b.Position) })
	agreed := eventstore.Position(0) // everything up to here is as it was when a head was kept
	for _, head := range heads {
		if head.Position > v.head.Position {
			return &Finding{
				TailCut, v.head.Position + 1, head.Position,
				fmt.Sprintf("a head kept outside says that the log went on to %d, it ends at %d", head.Position, v.head.Position),
			}, nil
		}
		link, err := reader{v.pool}.LinkAt(ctx, head.Position)
		if err != nil {
			return nil, err
		}
		if link != head {
			return &Finding{
				ChainRewritten, agreed + 1, max(head.Position, agreed+1),
				fmt.Sprintf("the head kept outside for %d is not in the chain: %s", head.Position, difference(head, link)),
			}, nil
		}
		agreed = head.Position
	}
	return nil, nil
}

func difference(kept, found eventstore.Link) string {
	if found.Position != kept.Position {
		return "no commit ends there"
	}
	return fmt.Sprintf("%s was kept, %s is stored", kept.Hash, found.Hash)
}
