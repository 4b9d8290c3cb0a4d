package embedded

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxLog is the size at which a start moves the server's log aside; one earlier log is kept.
const maxLog = 8 << 20

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// lastWords returns the server's last complaint since this start, for an error of one line.
func (p *Postgres) lastWords() string {
	path := filepath.Join(p.dir, logFile)
	file, err := os.Open(path)
	if err != nil {
		return "see " + path
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.NewSectionReader(file, p.logStartsAt, 64<<10))
	if err != nil || len(content) == 0 {
		return "see " + path
	}
	last := lastLine(string(content))
	for line := range strings.Lines(string(content)) {
		for _, level := range []string{"FATAL:", "PANIC:"} {
			if start := strings.Index(line, level); start >= 0 { // without time and pid
				last = strings.Join(strings.Fields(line[start:]), " ")
			}
		}
	}
	return last + " (see " + path + ")"
}
