package embedded

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Database is how to get into a database: by the two roles that may.
type Database struct {
	Owner   string // address for the role that owns it and makes its tables
	Runtime string // address for the role that works with them; it has no privileges there but those the owner grants
}

// EnsureDatabase makes a database and the only two roles that may connect to it. The owner is called like the database,
// the other one <name>_runtime. Neither may do anything elsewhere; their passwords are made once per data folder.
func (p *Postgres) EnsureDatabase(ctx context.Context, name string) (Database, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	runtime := name + "_runtime"
	if err := p.makePasswords(name, runtime); err != nil {
		return Database{}, fmt.Errorf("ensure database %s: %w", name, err)
	}
	if err := p.ensureDatabase(ctx, name, runtime); err != nil {
		return Database{}, fmt.Errorf("ensure database %s: %w", name, err)
	}
	return Database{
		Owner:   p.address(name, p.secrets.Roles[name], name),
		Runtime: p.address(runtime, p.secrets.Roles[runtime], name),
	}, nil
}

// makePasswords saves new passwords before they are used, or a crash could leave a role that nobody can use.
func (p *Postgres) makePasswords(roles ...string) error {
	known := len(p.secrets.Roles)
	for _, role := range roles {
		if _, ok := p.secrets.Roles[role]; !ok {
			p.secrets.Roles[role] = rand.Text()
		}
	}
	if len(p.secrets.Roles) == known {
		return nil
	}
	return p.secrets.write(p.dir)
}

// ensureDatabase also puts right what an earlier version has made: there, the owner was the only role.
func (p *Postgres) ensureDatabase(ctx context.Context, name, runtime string) error {
	conn, err := pgx.Connect(ctx, p.address(superuser, p.secrets.Superuser, superuser))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return err
	}
	var statements []string
	for _, role := range []string{name, runtime} {
		statement, err := p.roleStatement(ctx, conn, role)
		if err != nil {
			return err
		}
		statements = append(statements, statement)
	}
	database, role := pgx.Identifier{name}.Sanitize(), pgx.Identifier{runtime}.Sanitize()
	if !exists {
		statements = append(statements, "CREATE DATABASE "+database+" OWNER "+database+" TEMPLATE template0")
	}
	statements = append(statements,
		"REVOKE ALL ON DATABASE "+database+", postgres, template1 FROM PUBLIC",
		"REVOKE ALL ON DATABASE "+database+" FROM "+role,
		"GRANT CONNECT ON DATABASE "+database+" TO "+role,
	)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// roleStatement makes a role, or gives one that is there its password.
func (p *Postgres) roleStatement(ctx context.Context, conn *pgx.Conn, role string) (string, error) {
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&exists); err != nil {
		return "", err
	}
	verb := "CREATE"
	if exists {
		verb = "ALTER"
	}
	// The statement takes no parameters. A password of rand.Text has letters and digits only.
	return verb + " ROLE " + pgx.Identifier{role}.Sanitize() +
		" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '" + p.secrets.Roles[role] + "'", nil
}
