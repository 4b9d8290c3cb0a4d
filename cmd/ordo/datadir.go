package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/internal/embedded"
)

// lockFile is the first file in a data folder, and the last one to go.
const lockFile = "lock"

// foreignDirError says that a folder holds somebody else's files.
type foreignDirError struct{ dir string }

func (e *foreignDirError) Error() string {
	return e.dir + " is not empty and not a data folder of ordo dev"
}

// dirContent is what is in a folder.
type dirContent struct {
	marked       bool     // with a lock file, so a data folder
	ours, others []string // names of all else
}

// lookInside sorts the files of a folder by whether a platform made them.
func lookInside(dir string) (dirContent, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return dirContent{}, fmt.Errorf("read data folder: %w", err)
	}
	var c dirContent
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case name == lockFile:
			c.marked = true
		case slices.Contains([]string{"version", "postgres", "provider.jsonl"}, name), strings.HasPrefix(name, devfile.Name):
			c.ours = append(c.ours, name)
		case name != "lost+found": // on the top of every file system
			c.others = append(c.others, name)
		}
	}
	return c, nil
}

// lockDataDir makes a folder this process's own. One with files of somebody else's is refused: a data folder is deleted
// without a look at what is in it.
func lockDataDir(dir string) (unlock func(), err error) {
	inside, err := lookInside(dir)
	if err == nil && !inside.marked && len(inside.others) > 0 {
		return nil, &foreignDirError{dir}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return embedded.LockDataDir(dir)
}
