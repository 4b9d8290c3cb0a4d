package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent makes the kernel signal the child when the thread that started it ends.
func dieWithParent(cmd *exec.Cmd, signal syscall.Signal) {
	cmd.SysProcAttr.Pdeathsig = signal
}

// descriptorPath names an inherited descriptor in a way that can be opened, or descended from, without permission on the
// folders above: only the file's own mode counts.
func descriptorPath(fd int) (string, bool) {
	return fmt.Sprintf("/proc/self/fd/%d", fd), true
}

// servesFolder tells whether process pid is a Postgres server on the folder: Postgres makes it its working folder.
func servesFolder(pid int, dir string) bool {
	cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	folder, err := os.Stat(dir)
	return err == nil && os.SameFile(cwd, folder)
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) []int {
	var children []int
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // fails on a malformed pattern only
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // gone meanwhile
		}
		// "pid (name) state parent …", where the name may contain anything, parentheses too.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			children = append(children, child)
		}
	}
	return children
}
