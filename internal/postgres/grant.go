package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// grantLock keeps processes that start together from granting at the same time: Postgres fails one of two transactions
// that change the privileges of one table.
const grantLock = 0x6f72646f_6772 // "ordogr"

// Grant lets a service's runtime role do with the tables of its database what access says, and nothing else: privileges
// that are not listed are taken away, from everybody, in every schema that access names. access is by table, as in
// "events": "SELECT, INSERT" for one in schema public or "schema/table"; a * stands for any part of a name. Owner is a pool
// of the role that has made the tables.
//
// It changes everything at once, so that another process that runs meanwhile never goes without.
func Grant(ctx context.Context, owner *pgxpool.Pool, role string, access map[string]string) error {
	err := pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(grantLock)); err != nil {
			return err
		}
		tables, err := ownTables(ctx, tx)
		if err != nil {
			return err
		}
		statements, err := grants(tables, pgx.Identifier{role}.Sanitize(), access)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, strings.Join(statements, ";\n"))
		return err
	})
	if err != nil {
		return fmt.Errorf("grant %s its privileges: %w", role, err)
	}
	return nil
}

// table is a table, a view or a sequence.
type table struct{ Schema, Name string }

func (t table) quoted() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

// ownTables are those that the present role may grant.
func ownTables(ctx context.Context, tx pgx.Tx) ([]table, error) {
	rows, _ := tx.Query(ctx, `
		SELECT relnamespace::regnamespace::text, relname
		FROM pg_class
		WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND pg_has_role(relowner, 'USAGE')
		    AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
		ORDER BY 1, 2`) // CollectRows has the error
	return pgx.CollectRows(rows, pgx.RowToStructByPos[table])
}

// grants are the statements that leave role with what access says.
func grants(tables []table, role string, access map[string]string) ([]string, error) {
	// Functions may be called by everybody unless somebody says otherwise: those to come, and in each schema those there are.
	statements := []string{"ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC"}
	open, granted := map[string]bool{}, map[string]bool{}
	for _, t := range tables {
		var privileges []string
		named := false
		for pattern, list := range access {
			inSchema, match, err := matches(pattern, t)
			if err != nil {
				return nil, err
			}
			named = named || inSchema
			if match {
				granted[pattern] = true
				privileges = append(privileges, list)
			}
		}
		if !named {
			continue
		}
		if schema := (pgx.Identifier{t.Schema}).Sanitize(); !open[schema] {
			open[schema] = true
			statements = append(statements,
				"REVOKE ALL ON SCHEMA "+schema+" FROM PUBLIC", "GRANT USAGE ON SCHEMA "+schema+" TO "+role,
				"REVOKE ALL ON ALL ROUTINES IN SCHEMA "+schema+" FROM PUBLIC, "+role)
		}
		statements = append(statements, "REVOKE ALL ON TABLE "+t.quoted()+" FROM PUBLIC, "+role)
		for _, list := range privileges {
			statements = append(statements, "GRANT "+list+" ON TABLE "+t.quoted()+" TO "+role)
		}
	}
	var missing []error
	for _, pattern := range slices.Sorted(maps.Keys(access)) {
		if !granted[pattern] {
			missing = append(missing, fmt.Errorf("there is no table %s", pattern))
		}
	}
	return statements, errors.Join(missing...)
}

// matches says whether a name in access stands for a table, and whether it names its schema at all.
func matches(pattern string, t table) (inSchema, match bool, err error) {
	schema, name, found := strings.Cut(pattern, "/")
	if !found {
		schema, name = "public", pattern
	}
	if inSchema, err = path.Match(schema, t.Schema); err != nil || !inSchema {
		return false, false, err
	}
	match, err = path.Match(name, t.Name)
	return true, match, err
}
