package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
)

// serverLock keeps processes that start together on one given server from making its databases and roles at the same time.
const serverLock = 0x6f72646f_6462 // "ordodb"

// useServer makes the services' databases on a server of the user's, if they are missing. The role in its address owns
// them. Each service runs under a role of its own that nobody can log in as: a session begins as the given role and drops
// its privileges.
func (l *Local) useServer(ctx context.Context, c LocalConfig) (err error) {
	address, log := c.DatabaseURL, c.Logger
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return fmt.Errorf("database url: %w", err)
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = &ServerError{Server: PostgresServer, Addr: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))), Err: err}
		}
	}()
	limited, cancel := context.WithTimeout(ctx, reachLimit) // the client would wait for minutes
	defer cancel()
	conn, err := pgx.ConnectConfig(limited, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // gives the lock back
	if err := eventpg.CheckServer(ctx, conn, c.UnsafeDurability); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(serverLock)); err != nil {
		return err
	}
	roles := true
	for _, service := range Services() {
		name := "ordo_" + service
		if err := ensureGivenDatabase(ctx, conn, name); err != nil {
			return err
		}
		owner, err := withDatabase(address, name)
		if err != nil {
			return err
		}
		l.Databases[service] = owner
		if !roles {
			continue
		}
		role := name + "_runtime"
		switch err := ensureGivenRole(ctx, conn, name, role); {
		case err == nil:
			l.Owners[service] = owner
			if l.Databases[service], err = withRole(owner, role); err != nil {
				return err
			}
		case isPrivilegeMissing(err):
			roles = false
			log.WarnContext(ctx, "services run with all privileges on their databases: the role in the address of Postgres may not create roles", "error", err)
		default:
			return err
		}
	}
	return nil
}

// ensureGivenDatabase makes a database that only its owner may connect to.
func ensureGivenDatabase(ctx context.Context, conn *pgx.Conn, name string) error {
	var exists, owned bool
	var encoding string
	err := conn.QueryRow(ctx, `
		SELECT count(*) > 0, coalesce(bool_and(pg_has_role(datdba, 'USAGE')), false), coalesce(min(pg_encoding_to_char(encoding)), '')
		FROM pg_database
		WHERE datname = $1`, name).Scan(&exists, &owned, &encoding)
	if err != nil {
		return err
	}
	quoted := pgx.Identifier{name}.Sanitize()
	switch {
	case !exists:
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+quoted+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
			return fmt.Errorf("create database %s: %w", name, err)
		}
	case !owned:
		return fmt.Errorf("database %s belongs to another role: use the address of that role", name)
	case encoding != "UTF8":
		return fmt.Errorf("database %s has the encoding %s: drop it, or make it anew with ENCODING 'UTF8'", name, encoding)
	}
	if _, err := conn.Exec(ctx, "REVOKE ALL ON DATABASE "+quoted+" FROM PUBLIC"); err != nil {
		return fmt.Errorf("close database %s: %w", name, err)
	}
	return nil
}

// ensureGivenRole makes the role that a service runs under, if it is missing, and lets the present role become it.
func ensureGivenRole(ctx context.Context, conn *pgx.Conn, database, role string) error {
	var exists, usable bool
	err := conn.QueryRow(ctx, `
		SELECT count(*) > 0, coalesce(bool_and(pg_has_role(oid, 'MEMBER')), false)
		FROM pg_roles
		WHERE rolname = $1`, role).Scan(&exists, &usable)
	if err != nil {
		return err
	}
	quoted := pgx.Identifier{role}.Sanitize()
	var statements []string
	if !exists {
		statements = append(statements, "CREATE ROLE "+quoted+" NOLOGIN")
	}
	if !usable {
		statements = append(statements, "GRANT "+quoted+" TO CURRENT_USER")
	}
	statements = append(statements, "GRANT CONNECT ON DATABASE "+pgx.Identifier{database}.Sanitize()+" TO "+quoted)
	if _, err := conn.Exec(ctx, strings.Join(statements, "; ")); err != nil { // one transaction
		return fmt.Errorf("make role %s: %w", role, err)
	}
	return nil
}

func isPrivilegeMissing(err error) bool {
	const insufficientPrivilege = "42501"
	said, ok := errors.AsType[*pgconn.PgError](err)
	return ok && said.Code == insufficientPrivilege
}

// withDatabase is a server's address with another database, in either form Postgres knows.
func withDatabase(address, database string) (string, error) {
	if !strings.Contains(address, "://") {
		return address + " dbname=" + database, nil
	}
	u, err := parse(address)
	if err != nil {
		return "", err
	}
	u.Path = "/" + database
	return u.String(), nil
}

// withRole is a server's address for sessions under another role.
func withRole(address, role string) (string, error) {
	if !strings.Contains(address, "://") {
		return address + " role=" + role, nil
	}
	u, err := parse(address)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("role", role)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("database url: not a URL") // the error of url.Parse has the password in it
	}
	return u, nil
}
