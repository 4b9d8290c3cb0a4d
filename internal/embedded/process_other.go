//go:build unix && !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent does nothing: there is no such signal here. A server left behind is stopped by the next start.
func dieWithParent(*exec.Cmd, syscall.Signal) {}

// descriptorPath is not to be had: /dev/fd is no way into a folder on these systems.
func descriptorPath(int) (string, bool) { return "", false }

// servesFolder tells whether process pid is a Postgres server on the folder, by its command line.
func servesFolder(pid int, dir string) bool {
	command, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec,noctx // a number; takes a moment
	return err == nil && strings.Contains(string(command), "postgres") && strings.Contains(string(command), dir)
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) []int {
	output, _ := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output() //nolint:gosec,noctx // a number; takes a moment; fails if there are none
	var children []int
	for field := range strings.FieldsSeq(string(output)) {
		if child, err := strconv.Atoi(field); err == nil {
			children = append(children, child)
		}
	}
	return children
}
