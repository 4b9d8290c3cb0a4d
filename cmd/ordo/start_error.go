package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/embedded"
)

// startError says what to do about the usual reasons not to start. dir is the data folder, empty for a throw-away one.
func startError(err error, dir string) error {
	failed := &commandError{err: err, exit: exitFailed, code: "start_failed"}
	var (
		locked  *embedded.LockedError
		foreign *foreignDirError
		server  *app.ServerError
		unfit   *eventpg.UnfitServerError
		network *net.OpError
		program *exec.Error
	)
	switch {
	case errors.As(err, &locked):
		failed.advice = "Stop it, or choose another folder with --data-dir"
	case errors.As(err, &foreign):
		failed.advice = "Choose an empty or a new one with --data-dir"
	case errors.As(err, &unfit): // says what to do about the server
		if unfit.Unsafe {
			failed.advice = "Or give --unsafe-durability, if the data may be thrown away"
		}
	case errors.As(err, &server):
		failed.advice = serverAdvice(server)
		if server.Unreachable() {
			failed.exit, failed.code = exitUnreachable, "unreachable"
		}
	case errors.Is(err, syscall.EADDRINUSE):
		failed.advice = "Stop what listens there, or choose another with --http-addr"
	case errors.As(err, &network) && network.Op == "listen":
		failed.advice = "Choose another address with --http-addr"
	case errors.As(err, &program) && os.Getenv(embedded.EnvBinDir) != "":
		failed.advice = "Set " + embedded.EnvBinDir + " to a folder with postgres and initdb in it, or unset it"
	case dir == "" && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)):
		failed.advice = "Set TMPDIR to a folder that " + whoami() + " may write"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		failed.advice = "Choose a folder that " + whoami() + " may write, with --data-dir"
	}
	return failed
}

func serverAdvice(err *app.ServerError) string {
	if err.Server == app.KafkaServer {
		return "Check --kafka-brokers"
	}
	const insufficientPrivilege = "42501"
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == insufficientPrivilege {
		return "Give --database-url with a role that may create databases"
	}
	return "Check --database-url or " + databaseVariable
}

func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "this user"
}
