package generations_test

import (
	"context"
	"crypto/rand"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/projectiontest"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var at = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// project applies a delivery of ten mugs to the tables in a schema.
func project(t *testing.T, pool *pgxpool.Pool, handler projections.Handler) {
	t.Helper()
	var log projectiontest.Log
	log.Append(stock.Stream("MUG"), stock.Received{SKU: "MUG", Quantity: 10, Reference: "d-1", At: at})
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return handler.Handle(t.Context(), tx, log.Events()) })
	if err != nil {
		t.Fatal(err)
	}
}

func onHand(t *testing.T, pool *pgxpool.Pool) int64 {
	t.Helper()
	level, err := stocklevels.NewQueries(pool).Get(t.Context(), "MUG")
	if err != nil {
		t.Fatal(err)
	}
	return level.OnHand
}

func TestQueriesReadTheLiveGeneration(t *testing.T) {
	t.Parallel()
	pool := open(t, testenv.Postgres(t))
	model := stocklevels.Model.ReadModel()
	var replicas errgroup.Group
	for range 3 { // they start together
		replicas.Go(func() error { return generations.Prepare(t.Context(), pool, model) })
	}
	if err := replicas.Wait(); err != nil {
		t.Fatal(err)
	}
	live, err := generations.New(pool).Live(t.Context(), model.Name)
	if err != nil || live.Number != 1 || live.FoldVersion != model.Version || !live.Fed || live.Schema() != "stocklevels_g1" {
		t.Fatalf("live %+v, %v", live, err)
	}
	project(t, pool, model.Projector(live.Schema()))
	if n := onHand(t, pool); n != 10 {
		t.Errorf("%d on hand", n)
	}
	if err := generations.Prepare(t.Context(), pool, model); err != nil { // the next start
		t.Fatal(err)
	}
	if n := onHand(t, pool); n != 10 {
		t.Errorf("%d on hand after another start", n)
	}
}

// A table from before there were generations becomes the first one, rows and all, and belongs to the first fold.
func TestTableFromBeforeBecomesTheFirstGeneration(t *testing.T) {
	t.Parallel()
	pool := open(t, testenv.Postgres(t))
	model := stocklevels.Model.ReadModel()
	if err := postgres.Migrate(t.Context(), pool, model.Name, model.Migrations); err != nil {
		t.Fatal(err)
	}
	project(t, pool, projections.NewProjector(stocklevels.Model))

	model.Version = 7
	if err := generations.Prepare(t.Context(), pool, model); err != nil {
		t.Fatal(err)
	}
	if n := onHand(t, pool); n != 10 {
		t.Errorf("%d on hand", n)
	}
	live, err := generations.New(pool).Live(t.Context(), model.Name)
	if err != nil || live.FoldVersion != 1 {
		t.Errorf("live %+v, %v", live, err)
	}
	if fed, err := generations.New(pool).Feed(t.Context(), model.Name, 7); err != nil || len(fed) != 0 {
		t.Errorf("a program with another fold feeds %v, %v", fed, err)
	}
	if fed, err := generations.New(pool).Feed(t.Context(), model.Name, 1); err != nil || !slices.Equal(fed, []int{1}) {
		t.Errorf("the program from before feeds %v, %v", fed, err)
	}
}

// A column that a newer program adds reaches the generation it did not make, and the view; the older program's statements
// go on working.
func TestMigrationsReachEveryGeneration(t *testing.T) {
	t.Parallel()
	pool := open(t, testenv.Postgres(t))
	model := stocklevels.Model.ReadModel()
	if err := generations.Prepare(t.Context(), pool, model); err != nil {
		t.Fatal(err)
	}
	newer := model
	newer.Version++
	files := fstest.MapFS{
		"99999_shelf.sql": {Data: []byte("-- +goose Up\nALTER TABLE stocklevels_levels ADD COLUMN shelf text NOT NULL DEFAULT '';")},
	}
	names, err := fs.Glob(model.Migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(model.Migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	newer.Migrations = files
	for _, m := range []projections.ReadModel{newer, model} { // the older one restarts afterwards
		if err := generations.Prepare(t.Context(), pool, m); err != nil {
			t.Fatal(err)
		}
	}
	project(t, pool, model.Projector("stocklevels_g1"))
	var shelf string
	if err := pool.QueryRow(t.Context(), "SELECT shelf FROM stocklevels_levels WHERE sku = 'MUG'").Scan(&shelf); err != nil {
		t.Error(err)
	}
}

// A generation that is made while a service runs is open to the role of the service, as the ones before are.
func TestNewGenerationIsSharedLikeTheOthers(t *testing.T) {
	t.Parallel()
	pool := open(t, testenv.Postgres(t))
	role := "ordo_test_" + strings.ToLower(rand.Text()[:10])
	exec := func(statement string) {
		t.Helper()
		if _, err := pool.Exec(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE ROLE ` + role)
	t.Cleanup(func() {
		exec(`DROP OWNED BY ` + role)
		exec(`DROP ROLE ` + role)
	})
	model := stocklevels.Model.ReadModel()
	if err := generations.Prepare(t.Context(), pool, model); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Grant(t.Context(), pool, role, generations.Access(model)); err != nil {
		t.Fatal(err)
	}
	second := generations.Generation{Model: model.Name, Number: 2}
	exec(`CREATE SCHEMA ` + second.Schema())
	if err := generations.Migrate(t.Context(), pool, model, second); err != nil {
		t.Fatal(err)
	}

	cfg := pool.Config()
	cfg.ConnConfig.RuntimeParams["role"] = role
	runtime, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runtime.Close)
	for _, schema := range []string{"stocklevels_g1", second.Schema()} {
		project(t, runtime, model.Projector(schema))
	}
	if n := onHand(t, runtime); n != 10 {
		t.Errorf("%d on hand", n)
	}
	if fed, err := generations.New(runtime).Feed(t.Context(), model.Name, model.Version); err != nil || !slices.Equal(fed, []int{1}) {
		t.Errorf("feeds %v, %v", fed, err)
	}
}
