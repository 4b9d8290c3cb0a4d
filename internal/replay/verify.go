package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/projections"
)

const (
	slicesOfKeys = 64 // parts that are compared by checksum; only keys of parts that differ are looked at
	listed       = 20 // differing rows that a report shows in full
)

// bookkeeping are the columns that say which events are in a row. A fold may be changed so that other columns differ; these
// never do, for both generations have read the same events.
var bookkeeping = []string{"version", "position", "applied"}

// Report is what a comparison of two generations at the same positions has found.
type Report struct {
	Model      string         `json:"model"`
	Live       int            `json:"live"`
	Generation int            `json:"generation"`
	Rows       int64          `json:"rows"` // in either
	Checksum   string         `json:"checksum"`
	Different  int64          `json:"different"` // rows
	Columns    map[string]int `json:"columns,omitempty"`
	Sample     []Difference   `json:"differences,omitempty"` // the first ones by key
	Fatal      string         `json:"fatal,omitempty"`       // a difference that no change of the fold explains
}

// Difference is a row that differs. Live or Fresh is nil where there is no such row.
type Difference struct {
	Table   string                     `json:"table"`
	Key     string                     `json:"key"`
	Columns []string                   `json:"columns,omitempty"` // those that differ
	Live    map[string]json.RawMessage `json:"live"`
	Fresh   map[string]json.RawMessage `json:"fresh"`
}

// side is one of two generations to compare, and where to read it.
type side struct {
	tx         pgx.Tx
	generation generations.Generation
	only       []string // keys of the first table to look at; nil: all
}

// sum is what is known of a part of a table without reading its rows: how many, and two checksums that do not depend on
// their order.
type sum struct {
	rows     int64
	xor, add int64
}

// compare reads two generations, which have to be at the same vector in the transactions given.
func compare(ctx context.Context, model projections.ReadModel, live, fresh side) (Report, error) {
	report := Report{Model: model.Name, Live: live.generation.Number, Generation: fresh.generation.Number, Columns: map[string]int{}}
	var total sum
	tables := model.Tables
	if live.only != nil {
		tables = tables[:1] // sums over rows are not of some rows
	}
	for _, table := range tables {
		rowHash, err := hashOf(ctx, table, live, fresh)
		if err != nil {
			return report, err
		}
		var sums [2]map[int]sum
		var g errgroup.Group // both connections at once
		for i, s := range []side{live, fresh} {
			g.Go(func() (err error) {
				sums[i], err = s.sums(ctx, table, rowHash)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return report, err
		}
		var parts []int
		for part := range slicesOfKeys {
			a, b := sums[0][part], sums[1][part]
			report.Rows += max(a.rows, b.rows)
			total = sum{total.rows + b.rows, total.xor ^ b.xor, total.add + b.add}
			if a != b {
				parts = append(parts, part)
			}
		}
		if err := report.difference(ctx, table, live, fresh, rowHash, parts); err != nil {
			return report, err
		}
	}
	report.Checksum = fmt.Sprintf("%016x%016x", uint64(total.xor), uint64(total.add)) //nolint:gosec // bits
	return report, nil
}

func (s side) from(table projections.Table) string {
	return pgx.Identifier{s.generation.Schema(), table.Name}.Sanitize()
}

// where narrows a statement to rows that say something, and to the keys to look at, which are its first parameter.
func (s side) where(table projections.Table) string {
	condition := fmt.Sprintf(" WHERE ($1::text[] IS NULL OR %s = ANY ($1))", keyText(table))
	if table.Where != "" {
		condition += " AND (" + table.Where + ")"
	}
	return condition
}

// keyText is an expression for a row's key, as one text.
func keyText(table projections.Table) string {
	if table.Key == 1 {
		return table.Columns[0] + "::text"
	}
	return "(" + strings.Join(table.Columns[:table.Key], ", ") + ")::text"
}

// hashOf is an expression for a checksum of a row, over the columns in the model's order. JSON is hashed as text. If both
// sides keep a column as it was written, as json, that is the text; otherwise it is what Postgres writes, which takes longer.
// Its hash of jsonb is not for this: to it, numbers that are written differently are equal, and equal values 32 places apart
// are none at all.
func hashOf(ctx context.Context, table projections.Table, live, fresh side) (string, error) {
	before, err := generations.ColumnsOf(ctx, live.tx, live.from(table))
	if err != nil {
		return "", fmt.Errorf("columns of %s: %w", live.from(table), err)
	}
	after, err := generations.ColumnsOf(ctx, fresh.tx, fresh.from(table))
	if err != nil {
		return "", fmt.Errorf("columns of %s: %w", fresh.from(table), err)
	}
	columns := slices.Clone(table.Columns)
	for i, column := range columns {
		switch was, is := before.Type(column), after.Type(column); {
		case was == "json" && is == "json":
			columns[i] += "::text"
		case is == "json" || is == "jsonb":
			columns[i] = "to_jsonb(" + column + ")::text"
		}
	}
	return "hash_record_extended(ROW(" + strings.Join(columns, ", ") + "), 0)", nil
}

// sums reads a whole table.
func (s side) sums(ctx context.Context, table projections.Table, rowHash string) (map[int]sum, error) {
	rows, err := s.tx.Query(ctx, fmt.Sprintf(`
		SELECT part, count(*), bit_xor(hash), sum(hash %% 4611686018427387904)::numeric %% 4611686018427387904
		FROM (SELECT mod(abs(hashtext(%s)::bigint), %d)::integer AS part, %s AS hash FROM %s) AS r
		GROUP BY part`, keyText(table), slicesOfKeys, rowHash, s.from(table)+s.where(table)), s.only)
	if err != nil {
		return nil, fmt.Errorf("checksum %s: %w", s.from(table), err)
	}
	sums := map[int]sum{}
	var part int
	var read sum
	_, err = pgx.ForEachRow(rows, []any{&part, &read.rows, &read.xor, &read.add}, func() error {
		sums[part] = read
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checksum %s: %w", s.from(table), err)
	}
	return sums, nil
}

// hashes reads the keys of some parts, with a checksum of each row.
func (s side) hashes(ctx context.Context, table projections.Table, rowHash string, parts []int) (map[string]int64, error) {
	rows, err := s.tx.Query(ctx, fmt.Sprintf(`
		SELECT %[1]s, %[2]s
		FROM %[3]s AND mod(abs(hashtext(%[1]s)::bigint), %[4]d)::integer = ANY ($2)`,
		keyText(table), rowHash, s.from(table)+s.where(table), slicesOfKeys), s.only, parts)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", s.from(table), err)
	}
	hashes := map[string]int64{}
	var key string
	var hash int64
	_, err = pgx.ForEachRow(rows, []any{&key, &hash}, func() error {
		hashes[key] = hash
		return nil
	})
	return hashes, err
}

// rows reads whole rows by their keys, as JSON by column.
func (s side) rows(ctx context.Context, table projections.Table, keys []string) (map[string]map[string]json.RawMessage, error) {
	result, err := s.tx.Query(ctx, fmt.Sprintf(`
		SELECT %[1]s, to_jsonb(r) FROM (SELECT %[2]s FROM %[3]s WHERE %[1]s = ANY ($1)) AS r`,
		keyText(table), strings.Join(table.Columns, ", "), s.from(table)), keys)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", s.from(table), err)
	}
	found := map[string]map[string]json.RawMessage{}
	var key string
	var text []byte
	_, err = pgx.ForEachRow(result, []any{&key, &text}, func() error {
		row := map[string]json.RawMessage{}
		if err := json.Unmarshal(text, &row); err != nil {
			return err
		}
		found[key] = row
		return nil
	})
	return found, err
}

// difference adds the rows of some parts of a table that differ.
func (r *Report) difference(ctx context.Context, table projections.Table, live, fresh side, rowHash string, parts []int) error {
	if len(parts) == 0 {
		return nil
	}
	before, err := live.hashes(ctx, table, rowHash, parts)
	if err != nil {
		return err
	}
	after, err := fresh.hashes(ctx, table, rowHash, parts)
	if err != nil {
		return err
	}
	var keys []string
	for key, hash := range before {
		if other, ok := after[key]; !ok || other != hash {
			keys = append(keys, key)
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for some := range slices.Chunk(keys, 1000) {
		if err := r.columns(ctx, table, live, fresh, some); err != nil {
			return err
		}
	}
	return nil
}

// columns tells by column how some rows differ, and shows the first ones.
func (r *Report) columns(ctx context.Context, table projections.Table, live, fresh side, keys []string) error {
	before, err := live.rows(ctx, table, keys)
	if err != nil {
		return err
	}
	after, err := fresh.rows(ctx, table, keys)
	if err != nil {
		return err
	}
	for _, key := range keys {
		d := Difference{Table: table.Name, Key: key, Live: before[key], Fresh: after[key]}
		switch {
		case d.Live == nil:
			d.Columns = []string{"(not live)"}
		case d.Fresh == nil:
			d.Columns = []string{"(not fresh)"}
		default:
			for _, column := range slices.Sorted(maps.Keys(d.Live)) {
				if string(d.Live[column]) == string(d.Fresh[column]) {
					continue
				}
				d.Columns = append(d.Columns, column)
				if slices.Contains(bookkeeping, column) {
					r.Fatal = fmt.Sprintf("%s %s: %s is %s, and live %s: not the same events", table.Name, key, column,
						d.Fresh[column], d.Live[column])
				}
			}
		}
		if d.Columns == nil {
			continue // the same JSON, written differently
		}
		r.Different++
		for _, column := range d.Columns {
			r.Columns[column]++
		}
		if len(r.Sample) < listed {
			r.Sample = append(r.Sample, d)
		}
	}
	return nil
}
