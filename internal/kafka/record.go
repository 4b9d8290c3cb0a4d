package kafka

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
)

// EventsTopic is the topic of a service's events.
func EventsTopic(service string) string { return service + eventsSuffix }

// RelayTopic is the topic of the checkpoints of a service's relay.
func RelayTopic(service string) string { return service + relaySuffix }

// ServiceOf is the service whose events a topic has, if it is one of events.
func ServiceOf(topic string) (service string, ok bool) { return strings.CutSuffix(topic, eventsSuffix) }

const (
	eventsSuffix = ".events"
	relaySuffix  = ".relay"
)

// Headers of an event record. The ce_ ones are CloudEvents attributes and extensions.
const (
	headerID            = "ce_id"
	headerSource        = "ce_source" // /<service>
	headerType          = "ce_type"
	headerSpecVersion   = "ce_specversion"
	headerTime          = "ce_time"
	headerSubject       = "ce_subject"    // the stream
	headerDataSchema    = "ce_dataschema" // the $id of the JSON Schema
	headerContentType   = "content-type"
	headerSequence      = "ce_sequence" // the position, zero-padded so that it sorts as text
	headerPartitionKey  = "ce_partitionkey"
	headerPrev          = "ordo_prev"    // position of the event before this one in the partition
	headerVersion       = "ordo_version" // version in the stream
	headerCorrelationID = "ce_correlationid"
	headerCausationID   = "ce_causationid"
	headerActor         = "ordo_actor"
	headerTraceParent   = "traceparent"
	headerTraceState    = "tracestate"
)

const (
	specVersion    = "1.0"
	contentType    = "application/json"
	schemaPrefix   = "https://ordo-platform.github.io/schemas/" // then <type>/v<version>
	sequenceDigits = len(sequenceZeros)

	// maxHeaderBytes is more than the headers of any event that the store accepts take.
	maxHeaderBytes = 4*eventstore.MaxStreamBytes + 4*eventstore.MaxTypeBytes + eventstore.MaxMetadataBytes + 4<<10
)

// Record returns the Kafka record of an event of a service. It depends on nothing but its arguments.
func Record(service string, e eventstore.Recorded) *kgo.Record {
	w := headerWriter{headers: make([]kgo.RecordHeader, 0, maxHeaders), text: make([]byte, 0, usualHeaderBytes)}
	w.add(headerID, e.ID.String())
	w.add(headerSource, "/", service)
	w.add(headerType, e.Type)
	w.add(headerSpecVersion, specVersion)
	w.text = e.RecordedAt.UTC().AppendFormat(w.text, time.RFC3339Nano)
	w.end(headerTime)
	w.add(headerSubject, string(e.Stream))
	w.add(headerDataSchema, schemaPrefix, e.Type, "/v", strconv.Itoa(e.SchemaVersion))
	w.add(headerContentType, contentType)
	sequence := strconv.FormatInt(int64(e.Position), 10)
	w.add(headerSequence, sequenceZeros[len(sequence):], sequence)
	key := w.add(headerPartitionKey, e.Stream.Key())
	w.add(headerPrev, strconv.FormatInt(int64(e.Prev), 10))
	w.add(headerVersion, strconv.FormatInt(int64(e.Version), 10))
	for _, optional := range [...]struct{ name, value string }{
		{headerCorrelationID, e.Metadata.CorrelationID},
		{headerCausationID, e.Metadata.CausationID},
		{headerActor, e.Metadata.Actor},
		{headerTraceParent, e.Metadata.TraceParent},
		{headerTraceState, e.Metadata.TraceState},
	} {
		if optional.value != "" {
			w.add(optional.name, optional.value)
		}
	}
	return &kgo.Record{
		Topic:     EventsTopic(service),
		Partition: e.Partition,
		Key:       key,
		Value:     e.Data,
		Headers:   w.headers,
		Timestamp: e.RecordedAt, // the client would put its own clock there
	}
}

const (
	maxHeaders       = 17
	usualHeaderBytes = 512
	sequenceZeros    = "00000000000000000000"
)

// headerWriter writes the values of headers one after the other, so that they take one allocation and not one each.
type headerWriter struct {
	headers []kgo.RecordHeader
	text    []byte
	ended   int // where the last value ends
}

func (w *headerWriter) add(name string, parts ...string) (value []byte) {
	for _, part := range parts {
		w.text = append(w.text, part...)
	}
	return w.end(name)
}

// end makes a header of the text since the last one.
func (w *headerWriter) end(name string) (value []byte) {
	value = w.text[w.ended:len(w.text):len(w.text)]
	w.ended = len(w.text)
	w.headers = append(w.headers, kgo.RecordHeader{Key: name, Value: value})
	return value
}

// BadEnvelopeError says that a record is not the envelope of an event: it was not written by a relay, or by one that is
// newer than this program.
type BadEnvelopeError struct {
	Topic     string
	Partition int32
	Offset    int64
	Field     string // header, or "key", "value", "topic", "headers"
	Reason    string
}

func (e *BadEnvelopeError) Error() string {
	return fmt.Sprintf("record %s/%d@%d: bad envelope: %s %s", e.Topic, e.Partition, e.Offset, e.Field, e.Reason)
}

// Parse is the inverse of [Record]. It refuses whatever Record would not have made: headers that are missing, twice there or
// too large, a key that is not that of the stream, numbers that are none. Headers it does not know are left out. The error
// is always a *[BadEnvelopeError].
func Parse(r *kgo.Record) (service string, e eventstore.Recorded, err error) {
	p := parser{record: r}
	p.collect()
	service = p.service()
	e = eventstore.Recorded{
		Event: eventstore.Event{
			ID:       p.id(),
			Type:     p.required(headerType),
			Data:     r.Value,
			Metadata: p.metadata(),
		},
		Stream:     p.stream(),
		Version:    eventstore.Version(p.number(headerVersion, 1)),
		Position:   eventstore.Position(p.sequence()),
		Prev:       eventstore.Position(p.number(headerPrev, 0)),
		RecordedAt: p.time(),
		Partition:  r.Partition,
	}
	e.SchemaVersion = p.schemaVersion(e.Type)
	p.equal(headerSpecVersion, specVersion)
	p.equal(headerContentType, contentType)
	if e.Prev >= e.Position {
		p.fail(headerPrev, "is not before the record's own position")
	}
	switch size := len(r.Value); {
	case size == 0:
		p.fail("value", "is missing")
	case size > eventstore.MaxEventBytes:
		p.fail("value", "is too large")
	}
	if p.err != nil {
		return "", eventstore.Recorded{}, p.err
	}
	return service, e, nil
}

// parser keeps the first thing that is wrong with a record.
type parser struct {
	record *kgo.Record
	values [maxHeaders]string // by place
	err    error
}

// places says where a parser keeps the value of each header that it knows.
var places = func() map[string]int {
	places := map[string]int{}
	for i, name := range [maxHeaders]string{
		headerID, headerSource, headerType, headerSpecVersion, headerTime, headerSubject, headerDataSchema, headerContentType, headerSequence,
		headerPartitionKey, headerPrev, headerVersion, headerCorrelationID, headerCausationID, headerActor, headerTraceParent, headerTraceState,
	} {
		places[name] = i
	}
	return places
}()

func (p *parser) fail(field, reason string) {
	if p.err == nil {
		p.err = &BadEnvelopeError{Topic: p.record.Topic, Partition: p.record.Partition, Offset: p.record.Offset, Field: field, Reason: reason}
	}
}

// collect copies the values of the headers, one after the other, so that they take one allocation and not one each.
func (p *parser) collect() {
	size, known := 0, 0
	for _, h := range p.record.Headers {
		if size += len(h.Key) + len(h.Value); size > maxHeaderBytes {
			p.fail("headers", "are too large")
			return
		}
		if _, ok := places[h.Key]; ok {
			known += len(h.Value)
		}
	}
	var text strings.Builder
	text.Grow(known)
	var there [maxHeaders]bool
	var unknown map[string]bool
	for _, h := range p.record.Headers {
		i, ok := places[h.Key]
		switch {
		case !ok && unknown[h.Key], ok && there[i]:
			p.fail(h.Key, "is repeated")
		case !ok:
			if unknown == nil {
				unknown = map[string]bool{}
			}
			unknown[h.Key] = true
		default:
			there[i] = true
			from := text.Len()
			text.Write(h.Value)
			p.values[i] = text.String()[from:]
		}
	}
}

func (p *parser) value(name string) string { return p.values[places[name]] }

func (p *parser) required(name string) string {
	value := p.value(name)
	if value == "" {
		p.fail(name, "is missing")
	}
	return value
}

func (p *parser) equal(name, want string) {
	if got := p.required(name); got != want {
		p.fail(name, fmt.Sprintf("is %.64q, not %q", got, want))
	}
}

func (p *parser) service() string {
	service, found := ServiceOf(p.record.Topic)
	if !found {
		p.fail("topic", "is not one of events")
	}
	p.equal(headerSource, "/"+service)
	return service
}

func (p *parser) id() uuid.UUID {
	text := p.required(headerID)
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text { // uuid.Parse takes other spellings too
		p.fail(headerID, "is not a UUID")
	}
	return id
}

func (p *parser) stream() eventstore.StreamID {
	stream := eventstore.StreamID(p.required(headerSubject))
	key := stream.Key()
	if stream.Category() == "" || key == "" || len(stream) > eventstore.MaxStreamBytes {
		p.fail(headerSubject, "is not a stream")
	}
	if string(p.record.Key) != key {
		p.fail("key", "is not that of the stream")
	}
	p.equal(headerPartitionKey, key)
	return stream
}

// number reads a decimal number of at least low, in the one spelling that Record uses.
func (p *parser) number(name string, low int64) int64 {
	text := p.required(name)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || strconv.FormatInt(n, 10) != text {
		p.fail(name, "is not a valid number")
	}
	return n
}

func (p *parser) sequence() int64 {
	text := p.required(headerSequence)
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 || len(text) != sequenceDigits {
		p.fail(headerSequence, "is not a position")
	}
	return int64(n)
}

func (p *parser) time() time.Time {
	t, err := time.Parse(time.RFC3339Nano, p.required(headerTime))
	if err != nil {
		p.fail(headerTime, "is not a time")
	}
	return t.UTC()
}

func (p *parser) schemaVersion(eventType string) int {
	text, found := strings.CutPrefix(p.required(headerDataSchema), schemaPrefix+eventType+"/v")
	n, err := strconv.Atoi(text)
	if !found || err != nil || n < 1 || strconv.Itoa(n) != text {
		p.fail(headerDataSchema, "is not that of a version of the type")
	}
	return n
}

func (p *parser) metadata() eventstore.Metadata {
	return eventstore.Metadata{
		CorrelationID: p.value(headerCorrelationID),
		CausationID:   p.value(headerCausationID),
		Actor:         p.value(headerActor),
		TraceParent:   p.value(headerTraceParent),
		TraceState:    p.value(headerTraceState),
	}
}
