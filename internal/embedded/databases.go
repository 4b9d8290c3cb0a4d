package embedded

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// EnsureDatabase makes a database and the one role that may connect to it, both called name, and returns the address for
// that role. The role owns its database and nothing else; its password is made once per data folder.
func (p *Postgres) EnsureDatabase(ctx context.Context, name string) (url string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	password, err := p.rolePassword(name)
	if err != nil {
		return "", fmt.Errorf("ensure database %s: %w", name, err)
	}
	if err := p.ensureDatabase(ctx, name, password); err != nil {
		return "", fmt.Errorf("ensure database %s: %w", name, err)
	}
	return p.address(name, password, name), nil
}

// rolePassword saves a new password before it is used, or a crash could leave a role that nobody can use.
func (p *Postgres) rolePassword(name string) (string, error) {
	if password, ok := p.secrets.Roles[name]; ok {
		return password, nil
	}
	password := rand.Text()
	p.secrets.Roles[name] = password
	return password, p.secrets.write(p.dir)
}

func (p *Postgres) ensureDatabase(ctx context.Context, name, password string) error {
	conn, err := pgx.Connect(ctx, p.address(superuser, p.secrets.Superuser, superuser))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	var role, database bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1), EXISTS (SELECT FROM pg_database WHERE datname = $1)`,
		name).Scan(&role, &database)
	if err != nil {
		return err
	}
	quoted := pgx.Identifier{name}.Sanitize()
	// Neither statement takes parameters. A password of rand.Text has letters and digits only.
	verb := "CREATE"
	if role {
		verb = "ALTER"
	}
	statements := []string{verb + " ROLE " + quoted + " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '" + password + "'"}
	if !database {
		statements = append(statements, "CREATE DATABASE "+quoted+" OWNER "+quoted+" TEMPLATE template0")
	}
	statements = append(statements, "REVOKE ALL ON DATABASE "+quoted+", postgres, template1 FROM PUBLIC")
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
