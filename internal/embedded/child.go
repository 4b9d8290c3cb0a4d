package embedded

import (
	"os/exec"
	"runtime"
	"syscall"
)

// child is a running process of ours.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // how it ended; read it after done is closed
}

// startChild starts the command and waits for its end in a goroutine of its own. The goroutine keeps its thread all that
// time: the kernel ties the parent-death signal to the thread, and the Go runtime may end idle ones.
func startChild(cmd *exec.Cmd, onParentDeath syscall.Signal) (*child, error) {
	c := &child{cmd: cmd, done: make(chan struct{})}
	dieWithParent(cmd, onParentDeath)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// signal reaches the process only while it has not been waited for, so it cannot hit a stranger with the same pid.
func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }
