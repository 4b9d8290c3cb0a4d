package psp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// ledger is the provider's memory: every operation, in order, none ever changed. With a file, nothing of an operation may be told
// before await says that it is on disk; many share the wait. But for await it is not safe for concurrent use; the simulator
// guards it.
type ledger struct {
	operations []Operation
	byKey      map[string]int   // index in operations
	holds      map[string]*hold // by authorisation id
	file       *os.File         // nil = memory only
	broken     error            // set by the first failed write: what the file holds is unknown from then on
	written    atomic.Int64     // operations in the file, perhaps not on disk yet

	syncing sync.Mutex // held while the file is synced, and for the two below
	synced  int64      // operations on disk
	failed  error      // set by the first failed sync: no later one would tell what is on disk
}

// hold is an authorisation that was given, and what became of it.
type hold struct {
	request Request
	status  Status
}

// openLedger reads the file at path back, and creates it if it is not there. With an empty path there is no file.
func openLedger(path string) (*ledger, error) {
	l := &ledger{byKey: make(map[string]int), holds: make(map[string]*hold)}
	if path == "" {
		return l, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l.file = file
	if err := l.replay(); err != nil {
		return nil, errors.Join(fmt.Errorf("replay ledger %s: %w", path, err), file.Close())
	}
	// Without this the file itself, freshly created, could be gone after a power cut.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), file.Close())
	}
	return l, nil
}

// replay reads the file from its start. A last line without its end is an append the process did not survive: nobody has
// been told about it, so it is cut off. Any other unreadable line is damage, and an error.
func (l *ledger) replay() error {
	in := bufio.NewReader(l.file)
	var size int64 // of the whole lines so far
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if len(line) == 0 {
				return nil
			}
			if err := l.file.Truncate(size); err != nil {
				return err
			}
			return l.file.Sync()
		}
		if err != nil {
			return err
		}
		var o Operation
		if err := json.Unmarshal(line, &o); err != nil {
			return fmt.Errorf("line %d: %w", len(l.operations)+1, err)
		}
		if o.Seq != int64(len(l.operations))+1 {
			return fmt.Errorf("line %d: has sequence number %d", len(l.operations)+1, o.Seq)
		}
		if _, known := l.byKey[o.Key]; known {
			return fmt.Errorf("line %d: key %q is used twice", len(l.operations)+1, o.Key)
		}
		l.remember(o)
		l.written.Add(1)
		size += int64(len(line))
	}
}

// append gives o the next number and writes it down.
func (l *ledger) append(o Operation) (Operation, error) {
	if l.broken != nil {
		return Operation{}, l.broken
	}
	o.Seq = int64(len(l.operations)) + 1
	if l.file != nil {
		if err := l.write(o); err != nil {
			// The line may be there, in part or whole. Only a restart finds out.
			l.broken = fmt.Errorf("append to ledger: %w", err)
			return Operation{}, l.broken
		}
	}
	l.remember(o)
	return o, nil
}

func (l *ledger) write(o Operation) error {
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err = l.file.Write(append(line, '\n')); err == nil {
		l.written.Add(1)
	}
	return err
}

// await returns once the first n operations are on disk. Whoever comes while the file is being synced waits for the next sync,
// together with all who come by then.
func (l *ledger) await(n int64) error {
	if l.file == nil {
		return nil
	}
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.failed != nil || l.synced >= n {
		return l.failed
	}
	written := l.written.Load()
	if err := l.file.Sync(); err != nil {
		l.failed = fmt.Errorf("sync ledger: %w", err)
		return l.failed
	}
	l.synced = written
	return nil
}

func (l *ledger) remember(o Operation) {
	l.byKey[o.Key] = len(l.operations)
	l.operations = append(l.operations, o)
	switch {
	case o.Status != o.Kind.success():
	case o.Kind == KindAuthorize:
		l.holds[o.AuthorizationID] = &hold{o.Request, o.Status}
	case l.holds[o.AuthorizationID] != nil:
		l.holds[o.AuthorizationID].status = o.Status
	}
}

// find returns the operation under a key.
func (l *ledger) find(key string) (Operation, bool) {
	i, ok := l.byKey[key]
	if !ok {
		return Operation{}, false
	}
	return l.operations[i], true
}

// all returns a copy of the whole ledger, never nil.
func (l *ledger) all() []Operation {
	return append([]Operation{}, l.operations...)
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
