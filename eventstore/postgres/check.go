package postgres

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

// Limits beyond those of the contract, which guard the indexes and the memory of the writer.
const (
	maxKeyBytes      = 512       // scope or key of a receipt, kind or key of a task
	maxResponseBytes = 256 << 10 // response and fingerprint of a receipt
	maxAppendBytes   = 16 << 20  // data and metadata of all events of an append
	maxTasks         = 100       // per append, new and done ones each
)

// prepared is an append that keeps all limits, encoded, and independent of the caller's memory.
type prepared struct {
	streams []preparedStream
	receipt *eventstore.Receipt
	tasks   []eventstore.Task
	done    []eventstore.TaskID
	rows    int // events
	bytes   int // of their data and metadata, and of the receipt
}

type preparedStream struct {
	id        eventstore.StreamID
	expected  eventstore.Expected
	partition int32
	events    []preparedEvent
}

type preparedEvent struct {
	id            uuid.UUID
	eventType     string
	schemaVersion int32
	data          []byte
	metadata      []byte
	hash          eventstore.Hash // its leaf, see hashed
}

// prepare checks an append and does all work on it that needs neither the lock nor the writer.
func prepare(a eventstore.Append, partitions int) (*prepared, error) {
	if err := checkStreams(a.Streams); err != nil {
		return nil, err
	}
	first := a.Streams[0].Stream
	if err := checkReceipt(first, a.Receipt); err != nil {
		return nil, err
	}
	if err := checkTasks(first, a); err != nil {
		return nil, err
	}
	p := &prepared{streams: make([]preparedStream, len(a.Streams))}
	for i, s := range a.Streams {
		events := make([]preparedEvent, len(s.Events))
		for j, e := range s.Events {
			event, err := prepareEvent(s.Stream, e)
			if err != nil {
				return nil, err
			}
			events[j] = hashed(s, j, event)
			p.bytes += len(event.data) + len(event.metadata)
		}
		p.rows += len(events)
		p.streams[i] = preparedStream{
			id:        s.Stream,
			expected:  s.Expected,
			partition: eventstore.PartitionOf(s.Stream.Key(), partitions),
			events:    events,
		}
	}
	if p.bytes > maxAppendBytes {
		return nil, &eventstore.LimitError{Stream: first, What: "append data", Size: p.bytes, Limit: maxAppendBytes}
	}
	if err := checkIDs(p); err != nil {
		return nil, err
	}
	if a.Receipt != nil {
		r := *a.Receipt
		r.Fingerprint = clone(r.Fingerprint)
		r.Response = clone(r.Response)
		p.receipt = &r
		p.bytes += len(r.Response)
	}
	p.tasks = append(p.tasks, a.Tasks...)
	p.done = append(p.done, a.Done...)
	return p, nil
}

// clone never returns nil, which would be NULL.
func clone(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }

func checkStreams(streams []eventstore.StreamAppend) error {
	if len(streams) == 0 {
		return &eventstore.LimitError{What: "streams", Reason: "there are none"}
	}
	if len(streams) > eventstore.MaxStreamsPerAppend {
		return &eventstore.LimitError{
			Stream: streams[0].Stream, What: "streams", Size: len(streams), Limit: eventstore.MaxStreamsPerAppend,
		}
	}
	events := 0
	for i, s := range streams {
		if err := checkStreamID(s.Stream); err != nil {
			return err
		}
		// They are few: looking through them is cheaper than a map, above all for one.
		if slices.ContainsFunc(streams[:i], func(t eventstore.StreamAppend) bool { return t.Stream == s.Stream }) {
			return &eventstore.LimitError{Stream: s.Stream, What: "stream", Reason: "appears twice in one append"}
		}
		if s.Expected < eventstore.AnyVersion {
			return &eventstore.LimitError{Stream: s.Stream, What: "expected version", Reason: "negative"}
		}
		if len(s.Events) == 0 {
			return &eventstore.LimitError{Stream: s.Stream, What: "events", Reason: "there are none"}
		}
		events += len(s.Events)
	}
	if events > eventstore.MaxEventsPerAppend {
		return &eventstore.LimitError{
			Stream: streams[0].Stream, What: "events", Size: events, Limit: eventstore.MaxEventsPerAppend,
		}
	}
	return nil
}

func checkStreamID(id eventstore.StreamID) error {
	if err := checkName(id, "stream id", string(id), eventstore.MaxStreamBytes); err != nil {
		return err
	}
	if id.Category() == "" || id.Key() == "" {
		return &eventstore.LimitError{Stream: id, What: "stream id", Reason: "not of the form category-key"}
	}
	return nil
}

// checkName accepts what is safe as an index entry, a record key and a header.
func checkName(stream eventstore.StreamID, what, name string, limit int) error {
	var reason string
	switch {
	case len(name) > limit:
		return &eventstore.LimitError{Stream: stream, What: what, Size: len(name), Limit: limit}
	case name == "":
		reason = "empty"
	case !utf8.ValidString(name):
		reason = "not valid UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		reason = "has characters that do not print"
	default:
		return nil
	}
	return &eventstore.LimitError{Stream: stream, What: what, Reason: reason}
}

func prepareEvent(stream eventstore.StreamID, e eventstore.Event) (preparedEvent, error) {
	if err := checkEvent(stream, &e); err != nil {
		return preparedEvent{}, err
	}
	metadata, err := encodeMetadata(stream, e.Metadata)
	if err != nil {
		return preparedEvent{}, err
	}
	return preparedEvent{
		id:            e.ID,
		eventType:     e.Type,
		schemaVersion: int32(e.SchemaVersion), //nolint:gosec // checked by checkEvent
		data:          e.Data,
		metadata:      metadata,
	}, nil
}

// checkEvent checks all of an event but its metadata.
func checkEvent(stream eventstore.StreamID, e *eventstore.Event) error {
	refuse := func(what, reason string) error {
		return &eventstore.LimitError{Stream: stream, What: what, Reason: reason}
	}
	if err := checkName(stream, "event type", e.Type, eventstore.MaxTypeBytes); err != nil {
		return err
	}
	switch {
	case e.ID == uuid.Nil:
		return refuse("event id", "empty")
	case e.SchemaVersion < 1 || e.SchemaVersion > math.MaxInt32:
		return refuse("schema version", "not positive, or far too large")
	case len(e.Data) > eventstore.MaxEventBytes:
		return &eventstore.LimitError{Stream: stream, What: "event data", Size: len(e.Data), Limit: eventstore.MaxEventBytes}
	case !utf8.Valid(e.Data):
		return refuse("event data", "not valid UTF-8")
	case !isObject(e.Data):
		return refuse("event data", "not a JSON object")
	case hasNUL(e.Data):
		return refuse("event data", `has the character NUL, as \u0000`)
	}
	return nil
}

// isObject reports whether data, which is valid UTF-8, is one JSON object; that also excludes a raw NUL and a byte order
// mark. The space around it is stored as well, so that what is read is what was written. Half a surrogate pair as an escape
// is strange, but Postgres and every consumer take it, and AllowInvalidUTF8 is what lets it through here.
func isObject(data []byte) bool {
	text := jsontext.Value(data)
	return text.Kind() == '{' && text.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// hasNUL reports whether JSON text has the one character that it can write and Postgres cannot take as text: neither a
// jsonb nor a text column of a read model could ever hold it, so the event would stop every projection.
func hasNUL(data []byte) bool {
	const escape = `\u0000`
	for {
		i := bytes.Index(data, []byte(escape))
		if i < 0 {
			return false
		}
		before := len(data[:i]) - len(bytes.TrimRight(data[:i], `\`))
		if before%2 == 0 { // else the backslash is itself escaped
			return true
		}
		data = data[i+len(escape):]
	}
}

// encodeMetadata writes what [decodeMetadata] reads. It is done by hand because every event has metadata: reflection was a
// third of the work on an append before it is sent.
func encodeMetadata(stream eventstore.StreamID, m eventstore.Metadata) ([]byte, error) {
	refuse := func(reason string) ([]byte, error) {
		return nil, &eventstore.LimitError{Stream: stream, What: "metadata", Reason: reason}
	}
	fields := [...]struct{ before, value string }{
		{`"correlation_id":`, m.CorrelationID},
		{`"causation_id":`, m.CausationID},
		{`"actor":`, m.Actor},
		{`"traceparent":`, m.TraceParent},
		{`"tracestate":`, m.TraceState},
	}
	encoded := append(make([]byte, 0, 256), '{')
	for _, f := range fields {
		if f.value == "" {
			continue
		}
		if len(encoded) > 1 {
			encoded = append(encoded, ',')
		}
		var err error
		if encoded, err = jsontext.AppendQuote(append(encoded, f.before...), f.value); err != nil {
			return refuse("not valid UTF-8")
		}
		if strings.ContainsRune(f.value, 0) {
			return refuse("has the character NUL")
		}
	}
	encoded = append(encoded, '}')
	if len(encoded) > eventstore.MaxMetadataBytes {
		return nil, &eventstore.LimitError{
			Stream: stream, What: "metadata", Size: len(encoded), Limit: eventstore.MaxMetadataBytes,
		}
	}
	return encoded, nil
}

// checkIDs finds an id that the append itself uses twice.
func checkIDs(p *prepared) error {
	if p.rows == 1 {
		return nil
	}
	seen := make(map[uuid.UUID]struct{}, p.rows)
	for _, s := range p.streams {
		for _, e := range s.events {
			if _, twice := seen[e.id]; twice {
				return &eventstore.LimitError{Stream: s.id, What: "event id", Reason: "appears twice in one append"}
			}
			seen[e.id] = struct{}{}
		}
	}
	return nil
}

func checkReceipt(stream eventstore.StreamID, r *eventstore.Receipt) error {
	if r == nil {
		return nil
	}
	if err := checkName(stream, "receipt scope", r.Scope, maxKeyBytes); err != nil {
		return err
	}
	if err := checkName(stream, "receipt key", r.Key, maxKeyBytes); err != nil {
		return err
	}
	if size := len(r.Fingerprint) + len(r.Response); size > maxResponseBytes {
		return &eventstore.LimitError{Stream: stream, What: "receipt", Size: size, Limit: maxResponseBytes}
	}
	return nil
}

func checkTasks(stream eventstore.StreamID, a eventstore.Append) error {
	if n := max(len(a.Tasks), len(a.Done)); n > maxTasks {
		return &eventstore.LimitError{Stream: stream, What: "tasks", Size: n, Limit: maxTasks}
	}
	for _, t := range a.Tasks {
		if err := checkTask(stream, t.ID()); err != nil {
			return err
		}
		if t.Delay < 0 {
			return &eventstore.LimitError{Stream: stream, What: "task delay", Reason: "negative"}
		}
	}
	for _, id := range a.Done {
		if err := checkTask(stream, id); err != nil {
			return err
		}
	}
	return nil
}

func checkTask(stream eventstore.StreamID, id eventstore.TaskID) error {
	if err := checkName(stream, "task kind", id.Kind, maxKeyBytes); err != nil {
		return err
	}
	return checkName(stream, "task key", id.Key, maxKeyBytes)
}
