package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// A role has what was granted last, and nothing of what it had before or what everybody had.
func TestGrantIsAllARoleHas(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testenv.Postgres(t), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	role := "ordo_test_" + strings.ToLower(rand.Text()[:10])
	exec := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := pool.Exec(context.Background(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	exec(`CREATE ROLE `+role, `CREATE TABLE log (a int, b int)`, `CREATE TABLE "view_Ä" (a int)`, `CREATE TABLE view_b (a int)`,
		`CREATE TABLE private (a int)`, `CREATE SCHEMA other`, `CREATE TABLE other.log (a int)`, `CREATE TABLE other.private (a int)`,
		`CREATE SCHEMA left_alone`, `CREATE TABLE left_alone.log (a int)`, `GRANT DELETE ON left_alone.log TO `+role, `CREATE SEQUENCE numbers`, `CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42'`,
		`GRANT ALL ON log, private TO PUBLIC`, `GRANT UPDATE (a) ON log TO `+role, `GRANT ALL ON SCHEMA public TO PUBLIC`)
	defer exec(`DROP OWNED BY `+role, `DROP ROLE `+role)

	access := map[string]string{"log": "SELECT, INSERT, UPDATE (b)", "view_*": "SELECT, UPDATE", "o*r/log": "INSERT"}
	var together errgroup.Group
	for range 4 {
		together.Go(func() error { return postgres.Grant(context.Background(), pool, role, access) })
	}
	if err := together.Wait(); err != nil {
		t.Fatal(err)
	}
	exec(`CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 42'`)
	const held = `
		SELECT object
		FROM (
			SELECT oid::regclass || ' ' || p AS object
			FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
			WHERE relnamespace::regnamespace::text IN ('public', 'other', 'left_alone') AND relkind = 'r' AND has_table_privilege($1, oid, p)
			UNION ALL
			SELECT 'log.' || attname FROM pg_attribute
			WHERE attrelid = 'log'::regclass AND attnum > 0 AND has_column_privilege($1, attrelid, attnum, 'UPDATE')
			UNION ALL
			SELECT relname FROM pg_class
			WHERE CASE WHEN relkind = 'S' THEN has_sequence_privilege($1, oid, 'USAGE, SELECT, UPDATE') END
			UNION ALL
			SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND has_function_privilege($1, oid, 'EXECUTE')
			UNION ALL
			SELECT s || ' ' || p FROM unnest(ARRAY['USAGE', 'CREATE']) AS p, unnest(ARRAY['public', 'other', 'left_alone']) AS s
			WHERE has_schema_privilege($1, s, p)
		) AS held
		ORDER BY object COLLATE "C"`
	want := []string{
		`"view_Ä" SELECT`, `"view_Ä" UPDATE`, "left_alone.log DELETE", "log INSERT", "log SELECT", "log.b", "other USAGE", "other.log INSERT",
		"public USAGE", "view_b SELECT", "view_b UPDATE",
	}
	rows, _ := pool.Query(t.Context(), held, role) // CollectRows has the error
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("holds %q, %v\nwant  %q", got, err, want)
	}

	err = postgres.Grant(t.Context(), pool, role, map[string]string{"log": "SELECT", "lgo": "INSERT", "vew_*": "SELECT", "else/log": "SELECT"})
	if text := fmt.Sprint(err); !strings.Contains(text, "no table lgo") || !strings.Contains(text, "no table vew_*") || !strings.Contains(text, "no table else/log") {
		t.Errorf("error %v, want the tables that are not there", err)
	}
}
