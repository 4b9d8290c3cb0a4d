//go:build unix

package embedded

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// errWouldBlock is what tryLock returns for a file that somebody else holds.
var errWouldBlock error = syscall.EWOULDBLOCK

func tryLock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// The three ways to stop a Postgres server, mildest first (PostgreSQL documentation, "Shutting Down the Server").
const (
	signalFast      = syscall.SIGINT  // roll back, disconnect, checkpoint
	signalImmediate = syscall.SIGQUIT // no checkpoint: the next start recovers
	signalKill      = syscall.SIGKILL

	signalPause = syscall.SIGSTOP
)

// prepare gives the command its own session, so that Ctrl-C in a terminal reaches this process only, and the account.
func prepare(cmd *exec.Cmd, as *account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if as != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
}

// kill signals a process that is not our child, which may be gone by now.
func kill(pid int, signal syscall.Signal) { _ = syscall.Kill(pid, signal) }

// alive tells whether there is a process with this pid, anybody's.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}

func owner(info fs.FileInfo) (uid, gid uint32) {
	stat := info.Sys().(*syscall.Stat_t)
	return stat.Uid, stat.Gid
}
