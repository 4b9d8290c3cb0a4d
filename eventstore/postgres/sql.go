package postgres

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations returns the goose migrations of the tables a [Store] needs. They only go forward.
func Migrations() fs.FS {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}

// Access is what a service's runtime role needs on the tables of [Migrations], by table, and all it should get: with it,
// not even the program itself can change or remove a stored event.
func Access() map[string]string {
	return map[string]string{
		"events":      "SELECT, INSERT",
		"log_commits": "SELECT, INSERT",
		"log_head":    "SELECT, UPDATE (position, partitions, tails, linked, link)",
		"receipts":    "SELECT, INSERT",
		"tasks":       "SELECT, INSERT, UPDATE, DELETE",
		"leases":      "SELECT, INSERT, UPDATE",
		"snapshots":   "SELECT, INSERT, UPDATE",
	}
}

//go:embed sql/*.sql
var sqlFiles embed.FS

// Each statement is a file of its own, whose header says which locks it takes.
var (
	sqlBegin         = statement("begin")
	sqlLockHead      = statement("lock_head")
	sqlReadVersions  = statement("read_versions")
	sqlReadReceipts  = statement("read_receipts")
	sqlReadEventIDs  = statement("read_event_ids")
	sqlInsertEvents  = statement("insert_events")
	sqlInsertReceipt = statement("insert_receipts")
	sqlRemoveTasks   = statement("remove_tasks")
	sqlInsertTasks   = statement("insert_tasks")
	sqlMoveHead      = statement("move_head")
	sqlReadOutcome   = statement("read_outcome")

	sqlReadServer    = statement("read_server")
	sqlReadPins      = statement("read_pins")
	sqlPinPartitions = statement("pin_partitions")

	sqlReadLeases = statement("read_leases")

	sqlReadHead    = statement("read_head")
	sqlReadStream  = statement("read_stream")
	sqlReadStreams = statement("read_streams")
	sqlReadLog     = statement("read_log")
	sqlReadReceipt = statement("read_receipt")
	sqlReadLink    = statement("read_link")

	sqlSaveSnapshots = statement("save_snapshots")

	sqlVerifyHead       = statement("verify_head")
	sqlVerifyCommits    = statement("verify_commits")
	sqlVerifyEvents     = statement("verify_events")
	sqlVerifyVersions   = statement("verify_versions")
	sqlVerifyNextCommit = statement("verify_next_commit")

	sqlClaimTasks   = statement("claim_tasks")
	sqlCompleteTask = statement("complete_task")
	sqlRetryTask    = statement("retry_task")
	sqlNextTaskDue  = statement("next_task_due")
	sqlReadTask     = statement("read_task")

	sqlAcquireLease = statement("acquire_lease")
	sqlRenewLease   = statement("renew_lease")
	sqlReleaseLease = statement("release_lease")
)

// statement returns a file's statement without its header, which the server need not parse.
func statement(name string) string {
	text, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // the file is embedded
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "--") {
		lines = lines[1:]
	}
	return strings.Join(lines, "\n")
}
