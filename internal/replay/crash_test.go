package replay_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/replay"
	"github.com/ordo-platform/ordo/projections/orderview"
)

// What a test process that is to be killed is told.
const (
	envDatabase = "ORDO_TEST_REPLAY_DATABASE"
	envKillAt   = "ORDO_TEST_REPLAY_KILL_AT" // the report of progress to die in
)

const crashEvents = 3000

// TestReplayToBeKilled is the process that TestKilledAnywhereItGoesOn kills; by itself it is nothing.
func TestReplayToBeKilled(t *testing.T) {
	url := os.Getenv(envDatabase)
	if url == "" {
		return
	}
	pool, err := postgres.Open(t.Context(), url, 12)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	shop := newShop() // the same sequence as its parent's
	shop.trade(crashEvents)
	killAt, err := strconv.Atoi(os.Getenv(envKillAt))
	if err != nil {
		t.Fatal(err)
	}
	reports := 0
	r, err := replay.New(replay.Config{
		Model: current(), Pool: pool, Log: shop, Holder: "to be killed", Chunk: 200, Lease: time.Second,
		Progress: func(replay.Progress) {
			if reports++; reports == killAt {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Run(t.Context(), replay.Options{Resume: true})
	if _, nothing := errors.AsType[*replay.NothingToResumeError](err); nothing {
		_, err = r.Run(t.Context(), replay.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Replays are killed, three in their first report of progress, three in their second, and so on, through every phase; each
// goes on where the one before died, until one comes to the end. Live is right all the while.
func TestKilledAnywhereItGoesOn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(crashEvents)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	f.run(current())
	kills := 0
	for {
		at := 1 + kills/3
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReplayToBeKilled$")
		cmd.Env = append(os.Environ(), envDatabase+"="+f.pool.Config().ConnString(), envKillAt+"="+strconv.Itoa(at))
		out, err := cmd.CombinedOutput()
		f.checkRows(orderview.Apply)
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v\n%s", err, out)
		}
		kills++
	}
	if kills < 10 {
		t.Errorf("only %d kills", kills)
	}
	if f.number() != 2 {
		t.Errorf("generation %d is live, want the one that all of them worked on", f.number())
	}
}

// Whatever keeps rows from being stored, a full disk for instance, live stays as it is; with space again, the replay goes on.
func TestDiskFullLeavesLiveUntouched(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(3000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	// The server has no space for rows of the second generation that come after some event.
	for _, sql := range []string{
		`CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
		END $$`,
		`CREATE FUNCTION fill_up() RETURNS event_trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF to_regclass('orderview_g2.orderview_orders') IS NOT NULL
				AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'full' AND tgrelid = to_regclass('orderview_g2.orderview_orders')) THEN
				CREATE TRIGGER "full" BEFORE INSERT ON orderview_g2.orderview_orders
					FOR EACH ROW WHEN (NEW.position > 1000) EXECUTE FUNCTION public.disk_full();
			END IF;
		END $$`,
		`CREATE EVENT TRIGGER fills_up ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.fill_up()`,
	} {
		if _, err := f.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	f.run(current())
	_, err := f.replay(current(), replay.Options{})
	if err == nil || !strings.Contains(err.Error(), "No space left") {
		t.Fatalf("got %v", err)
	}
	if f.number() != 1 {
		t.Error("swapped")
	}
	f.checkRows(orderview.Apply)

	if _, err := f.pool.Exec(t.Context(), `DROP EVENT TRIGGER fills_up; DROP TRIGGER "full" ON orderview_g2.orderview_orders`); err != nil {
		t.Fatal(err)
	}
	result, err := f.replay(current(), replay.Options{Resume: true})
	if err != nil || result.Number != 2 || !result.Swapped {
		t.Fatalf("result %+v, %v", result, err)
	}
	f.checkRows(orderview.Apply)
}
