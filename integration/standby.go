package integration

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// Standby is a server that follows another.
type Standby struct {
	*PostgresServer
	primary *PostgresServer
	network string
}

// Standby starts a server that follows this one, asynchronously, and is removed with the test. This one is stopped and started again for
// the copy that the other begins with.
func (s *PostgresServer) Standby(tb testing.TB) *Standby {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	net, err := tcnetwork.New(ctx)
	if err != nil {
		tb.Fatalf("make a network: %v", err)
	}
	testcontainers.CleanupNetwork(tb, net)
	const primary = "primary"
	s.engine(tb, func(ctx context.Context, engine *testcontainers.DockerClient) error {
		_, err := engine.NetworkConnect(ctx, net.ID, client.NetworkConnectOptions{
			Container: s.container.GetContainerID(), EndpointConfig: &network.EndpointSettings{Aliases: []string{primary}},
		})
		return err
	})
	data := strings.TrimSpace(s.Exec(tb, "printenv", "PGDATA"))
	const home = "/var/lib/postgresql" // there before the server has been started
	s.Exec(tb, "sh", "-c", "echo 'host replication all all trust' >> "+data+"/pg_hba.conf")
	s.Stop(tb)

	server := reserve(tb, postgresPort)
	container, err := testcontainers.Run(ctx, postgresImage,
		testcontainers.WithCmd("postgres", "-c", "fsync=on", "-c", "max_connections=300",
			"-c", "primary_conninfo=host="+primary+" user=postgres application_name=standby"),
		testcontainers.WithEnv(map[string]string{"PGDATA": path.Join(home, path.Base(data))}),
		testcontainers.WithExposedPorts(postgresPort),
		server.pinned(),
		tcnetwork.WithNetwork(nil, net),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostCreates: []testcontainers.ContainerHook{func(ctx context.Context, to testcontainers.Container) error {
				return s.copyData(ctx, data, to, home)
			}},
			PostStarts: []testcontainers.ContainerHook{func(context.Context, testcontainers.Container) error {
				s.Start(tb)
				return nil
			}},
		}),
		testcontainers.WithWaitStrategyAndDeadline(startTimeout, wait.ForLog("started streaming WAL").WithStartupTimeout(startTimeout)),
	)
	if container != nil {
		own(tb, container)
	}
	if err != nil {
		tb.Fatalf("start a standby: %v", err)
	}
	server.container = container
	u, err := url.Parse(s.url)
	if err != nil {
		tb.Fatal(err)
	}
	u.Host = server.Addr
	return &Standby{PostgresServer: &PostgresServer{Server: server, url: u.String()}, primary: s, network: net.ID}
}

// copyData copies the data folder of this server, which is stopped, to a folder of another, as that of a standby.
func (s *PostgresServer) copyData(ctx context.Context, data string, to testcontainers.Container, folder string) error {
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	defer engine.Close() //nolint:errcheck // only idle connections
	copied, err := engine.CopyFromContainer(ctx, s.container.GetContainerID(), client.CopyFromContainerOptions{SourcePath: data})
	if err != nil {
		return fmt.Errorf("read %s: %w", data, err)
	}
	defer copied.Content.Close() //nolint:errcheck // read to its end, or failed
	_, err = engine.CopyToContainer(ctx, to.GetContainerID(), client.CopyToContainerOptions{
		DestinationPath: folder, Content: copied.Content, CopyUIDGID: true,
	})
	if err != nil {
		return fmt.Errorf("write to %s: %w", folder, err)
	}
	return to.CopyToContainer(ctx, nil, path.Join(folder, path.Base(data), "standby.signal"), 0o600)
}

// Synchronous has the primary wait for the standby at each commit from now on.
func (s *Standby) Synchronous(tb testing.TB) {
	tb.Helper()
	s.primary.sql(tb, "ALTER SYSTEM SET synchronous_standby_names = '*'")
	s.primary.sql(tb, "SELECT pg_reload_conf()")
	for s.primary.sql(tb, "SELECT sync_state FROM pg_stat_replication") != "sync" {
		select {
		case <-tb.Context().Done():
			tb.Fatal("the standby does not become synchronous")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Sever ends the connection between the two servers.
func (s *Standby) Sever(tb testing.TB) {
	tb.Helper()
	s.engine(tb, func(ctx context.Context, engine *testcontainers.DockerClient) error {
		_, err := engine.NetworkDisconnect(ctx, s.network, client.NetworkDisconnectOptions{Container: s.primary.container.GetContainerID()})
		return err
	})
}

// Promote makes the standby a primary.
func (s *Standby) Promote(tb testing.TB) {
	tb.Helper()
	if s.sql(tb, "SELECT pg_promote()::text") != "true" {
		tb.Fatal("the standby is not promoted")
	}
}

// sql runs a statement and returns its first value as text, empty if there is none.
func (s *PostgresServer) sql(tb testing.TB, statement string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing depends on it
	results, err := conn.PgConn().Exec(ctx, statement).ReadAll()
	if err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return ""
	}
	return string(results[0].Rows[0][0])
}
