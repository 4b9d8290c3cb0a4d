package generations

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	//go:embed sql/list.sql
	listSQL string
	//go:embed sql/feed.sql
	feedSQL string
)

// Querier is a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Catalogue reads which generations there are.
type Catalogue struct {
	db Querier
}

// New returns the catalogue in a database, which [Prepare] has made.
func New(pool *pgxpool.Pool) Catalogue { return Catalogue{pool} }

// NotFoundError says that a read model has no such generation.
type NotFoundError struct {
	Model  string
	Number int // 0: a live one
}

func (e *NotFoundError) Error() string {
	if e.Number == 0 {
		return fmt.Sprintf("read model %s has no live generation", e.Model)
	}
	return fmt.Sprintf("read model %s has no generation %d", e.Model, e.Number)
}

// List returns a model's generations, oldest first, those that are dropped as well.
func (c Catalogue) List(ctx context.Context, model string) ([]Generation, error) {
	rows, err := c.db.Query(ctx, listSQL, pgx.StrictNamedArgs{"model": model})
	if err == nil {
		var list []Generation
		if list, err = pgx.CollectRows(rows, scan); err == nil {
			return list, nil
		}
	}
	return nil, fmt.Errorf("generations of %s: %w", model, err)
}

func scan(row pgx.CollectableRow) (Generation, error) {
	var g Generation
	err := row.Scan(&g.Model, &g.Number, &g.FoldVersion, &g.State, &g.Fed, &g.Dropped, &g.Shape, &g.Until, &g.BuiltTo,
		&g.Events, &g.Rows, &g.Checksum, &g.Reason, &g.CreatedAt, &g.CaughtUpAt, &g.VerifiedAt, &g.LiveAt, &g.RetiredAt, &g.FedAt)
	return g, err
}

// Get returns one generation, or a *[NotFoundError].
func (c Catalogue) Get(ctx context.Context, model string, number int) (Generation, error) {
	list, err := c.List(ctx, model)
	if err != nil {
		return Generation{}, err
	}
	i := slices.IndexFunc(list, func(g Generation) bool { return g.Number == number })
	if i < 0 {
		return Generation{}, &NotFoundError{model, number}
	}
	return list[i], nil
}

// Live returns the generation that queries go to.
func (c Catalogue) Live(ctx context.Context, model string) (Generation, error) {
	list, err := c.List(ctx, model)
	if err != nil {
		return Generation{}, err
	}
	i := slices.IndexFunc(list, func(g Generation) bool { return g.State == Live })
	if i < 0 {
		return Generation{}, &NotFoundError{Model: model}
	}
	return list[i], nil
}

// LiveNumber is the number of the live generation, for those who ask often.
func (c Catalogue) LiveNumber(ctx context.Context, model string) (number int, err error) {
	err = c.db.QueryRow(ctx, "SELECT number FROM generations WHERE model = $1 AND state = 'live'", model).Scan(&number)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, &NotFoundError{Model: model}
	}
	return number, err
}

// Feed returns the numbers of the generations that a program with this version of the fold is to feed, and notes that it
// does.
func (c Catalogue) Feed(ctx context.Context, model string, foldVersion int) ([]int, error) {
	rows, err := c.db.Query(ctx, feedSQL, pgx.StrictNamedArgs{"model": model, "fold_version": foldVersion})
	if err == nil {
		var numbers []int
		if numbers, err = pgx.CollectRows(rows, pgx.RowTo[int]); err == nil {
			return numbers, nil
		}
	}
	return nil, fmt.Errorf("generations of %s to feed: %w", model, err)
}

// In returns the catalogue as a transaction sees it.
func In(tx pgx.Tx) Catalogue { return Catalogue{tx} }

// Fed returns the numbers of the generations that some program has said to feed within a time.
func (c Catalogue) Fed(ctx context.Context, model string, within time.Duration) ([]int, error) {
	rows, err := c.db.Query(ctx,
		"SELECT number FROM generations WHERE model = $1 AND fed_at > clock_timestamp() - $2::interval", model, within)
	if err == nil {
		var numbers []int
		if numbers, err = pgx.CollectRows(rows, pgx.RowTo[int]); err == nil {
			return numbers, nil
		}
	}
	return nil, fmt.Errorf("generations of %s that are fed: %w", model, err)
}
