package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
)

// headLine is a line of a file of heads.
type headLine struct {
	Service  string               `json:"service"`
	Position *eventstore.Position `json:"position"`
	Hash     *eventstore.Hash     `json:"hash"`
	Time     time.Time            `json:"time"` // when it was written
}

// readHeads returns the heads that --heads names, by service.
func readHeads(cmd *cobra.Command, from string) (map[string][]eventstore.Link, error) {
	switch from {
	case "":
		return nil, nil
	case "kafka":
		return publishedHeads(cmd.Context())
	}
	file, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &commandError{err: fmt.Errorf("heads: %w", err), exit: exitNotFound, code: "not_found", advice: "Begin one with: ordo verify --write-heads " + from}
	}
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	defer func() { _ = file.Close() }()
	heads, err := parseHeads(file)
	if err != nil {
		return nil, &commandError{err: fmt.Errorf("%s: %w", from, err), exit: exitUsage, code: "bad_heads"}
	}
	return heads, nil
}

func parseHeads(from io.Reader) (map[string][]eventstore.Link, error) {
	heads := map[string][]eventstore.Link{}
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line headLine
		err := json.Unmarshal(lines.Bytes(), &line)
		switch {
		case err != nil:
		case line.Service == "":
			err = errors.New("service is missing")
		case line.Position == nil || *line.Position < 0:
			err = errors.New("position is missing or negative")
		case line.Hash == nil:
			err = errors.New("hash is missing")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		heads[line.Service] = append(heads[line.Service], eventstore.Link{Position: *line.Position, Hash: *line.Hash})
	}
	return heads, lines.Err()
}

// appendHeads adds the heads of the logs that are in order. They are on disk when it returns.
func appendHeads(path string, all []verified) (err error) {
	var lines bytes.Buffer
	for _, v := range all {
		if v.Finding != nil || v.Head.Position == 0 {
			continue // never vouch for a log that is not in order, nor for an empty one
		}
		line, err := json.Marshal(headLine{v.Service, &v.Head.Position, &v.Head.Hash, time.Now().UTC().Truncate(time.Millisecond)})
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644) //nolint:gosec // heads are for everybody to keep
	if err != nil {
		return fmt.Errorf("write heads: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = fmt.Errorf("write heads: %w", err)
		}
	}()
	if torn, err := endsTorn(file); err != nil {
		return err
	} else if torn { // a line that was never finished must not swallow ours
		lines = *bytes.NewBuffer(append([]byte{'\n'}, lines.Bytes()...))
	}
	if _, err := file.Write(lines.Bytes()); err != nil {
		return err
	}
	return file.Sync()
}

func endsTorn(file *os.File) (bool, error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}
