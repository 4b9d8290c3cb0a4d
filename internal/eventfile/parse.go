package eventfile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Parser reads lines. It is strict: every member is there once, and no other. The zero value is ready.
type Parser struct {
	decoder  jsontext.Decoder
	services map[string]string // few: each is kept once
}

// member is a bit for each member of a line.
type member uint16

const (
	memberService member = 1 << iota
	memberPosition
	memberStream
	memberVersion
	memberID
	memberType
	memberSchemaVersion
	memberRecordedAt
	memberData
	memberMetadata
)

var memberNames = []string{
	"service", "position", "stream", "version", "id", "type", "schema_version", "recorded_at", "data", "metadata",
}

// MemberError says which member of a line is wrong.
type MemberError struct {
	Member string
	Reason string
}

func (e *MemberError) Error() string { return fmt.Sprintf("%q %s", e.Member, e.Reason) }

// Parse reads a line, with or without its line break. The event shares no memory with it.
func (p *Parser) Parse(line []byte) (Event, error) {
	if !utf8.Valid(line) {
		return Event{}, errors.New("not valid UTF-8")
	}
	// Data is as it was stored, and a store takes what encoding/json does: repeated names, half surrogates. Ours are checked
	// here.
	p.decoder.Reset(bytes.NewBuffer(line), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var e Event
	var seen member
	if start, err := p.decoder.ReadToken(); err != nil {
		return Event{}, syntax(err)
	} else if start.Kind() != '{' {
		return Event{}, errors.New("not a JSON object")
	}
	for p.decoder.PeekKind() == '"' {
		token, err := p.decoder.ReadToken()
		if err != nil {
			return Event{}, syntax(err)
		}
		name := token.String()
		m, err := p.readMember(name, &e)
		if err != nil {
			return Event{}, err
		}
		if seen&m != 0 {
			return Event{}, &MemberError{name, "is there twice"}
		}
		seen |= m
	}
	if _, err := p.decoder.ReadToken(); err != nil {
		return Event{}, syntax(err)
	}
	if rest := bytes.TrimSpace(line[p.decoder.InputOffset():]); len(rest) > 0 {
		return Event{}, errors.New("something follows the JSON object")
	}
	for i, name := range memberNames {
		if seen&(1<<i) == 0 {
			return Event{}, &MemberError{name, "is missing"}
		}
	}
	return e, nil
}

// readMember reads the value behind a name into its field.
func (p *Parser) readMember(name string, e *Event) (member, error) {
	value, err := p.decoder.ReadValue()
	if err != nil {
		return 0, syntax(err)
	}
	switch name {
	case "service":
		err = p.readService(value, &e.Service)
		return memberService, err
	case "position":
		return memberPosition, readNumber(name, value, &e.Position)
	case "stream":
		return memberStream, readText(name, value, &e.Stream)
	case "version":
		return memberVersion, readNumber(name, value, &e.Version)
	case "id":
		return memberID, readID(name, value, &e.ID)
	case "type":
		return memberType, readText(name, value, &e.Type)
	case "schema_version":
		return memberSchemaVersion, readNumber(name, value, &e.SchemaVersion)
	case "recorded_at":
		return memberRecordedAt, readTime(name, value, &e.RecordedAt)
	case "data":
		return memberData, readObject(name, value, &e.Data)
	case "metadata":
		return memberMetadata, readObject(name, value, &e.Metadata)
	case "data_text":
		return memberData, readText(name, value, &e.Data)
	case "metadata_text":
		return memberMetadata, readText(name, value, &e.Metadata)
	}
	return 0, &MemberError{name, "is not a member of an event"}
}

func (p *Parser) readService(value jsontext.Value, to *string) error {
	if known, ok := p.services[string(value)]; ok {
		*to = known
		return nil
	}
	if err := readText("service", value, to); err != nil {
		return err
	}
	if p.services == nil {
		p.services = map[string]string{}
	}
	if len(p.services) < len(memberNames) { // a file of nonsense must not fill the memory
		p.services[string(value)] = *to
	}
	return nil
}

func readText[T ~string | ~[]byte](name string, value jsontext.Value, to *T) error {
	if value.Kind() != '"' {
		return &MemberError{name, "is not a string"}
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return &MemberError{name, "has characters that are none"} // half a surrogate
	}
	*to = T(text)
	return nil
}

func readNumber[T ~int | ~int64](name string, value jsontext.Value, to *T) error {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < 1 {
		return &MemberError{name, "is not a whole number of at least 1"}
	}
	*to = T(n)
	return nil
}

func readID(name string, value jsontext.Value, to *uuid.UUID) error {
	if len(value) != len(`""`)+36 || value.Kind() != '"' {
		return &MemberError{name, "is not a UUID"}
	}
	id, err := uuid.ParseBytes(value[1 : len(value)-1])
	if err != nil {
		return &MemberError{name, "is not a UUID"}
	}
	*to = id
	return nil
}

func readTime(name string, value jsontext.Value, to *time.Time) error {
	at, err := time.Parse(`"`+time.RFC3339+`"`, string(value)) // takes fractions too
	if err != nil {
		return &MemberError{name, "is not a time like 2026-11-25T03:13:40.123456Z"}
	}
	*to = at.UTC()
	return nil
}

func readObject(name string, value jsontext.Value, to *[]byte) error {
	if value.Kind() != '{' {
		return &MemberError{name, "is not a JSON object"}
	}
	*to = bytes.Clone(value)
	return nil
}

func syntax(err error) error {
	if bad, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("not JSON: byte %d: %w", bad.ByteOffset+1, bad.Err)
	}
	return fmt.Errorf("not JSON: %w", err)
}
