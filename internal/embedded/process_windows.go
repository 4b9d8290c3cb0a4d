package embedded

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// Development mode needs a unix (or WSL); everything else of the program builds and runs on Windows. The refusal comes
// from tryLock, before any of the others could be called.

var errWouldBlock = errors.New("locked")

func tryLock(*os.File) error { return errors.ErrUnsupported }

const (
	signalFast      = syscall.SIGINT
	signalImmediate = syscall.SIGQUIT
	signalKill      = syscall.SIGKILL
	signalPause     = syscall.SIGTERM
)

func prepare(*exec.Cmd, *account)             {}
func dieWithParent(*exec.Cmd, syscall.Signal) {}
func kill(int, syscall.Signal)                {}
func alive(int) bool                          { return false }
func servesFolder(int, string) bool           { return false }
func childrenOf(int) []int                    { return nil }
func descriptorPath(int) (string, bool)       { return "", false }
func owner(fs.FileInfo) (uid, gid uint32)     { return 0, 0 }
