package eventfile

import (
	"bytes"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

// Event is what a line says.
type Event struct {
	Service       string
	Position      eventstore.Position
	Stream        eventstore.StreamID
	Version       eventstore.Version
	ID            uuid.UUID
	Type          string
	SchemaVersion int
	RecordedAt    time.Time
	Data          []byte
	Metadata      []byte
}

// timeFormat keeps the microseconds of Postgres, zeros too, so that times sort as text.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// Append appends the line of an event, with its line break.
func Append(b []byte, e Event) []byte {
	b = appendText(append(b, `{"service":`...), e.Service)
	b = strconv.AppendInt(append(b, `,"position":`...), int64(e.Position), 10)
	b = appendText(append(b, `,"stream":`...), e.Stream)
	b = strconv.AppendInt(append(b, `,"version":`...), int64(e.Version), 10)
	b = append(append(b, `,"id":"`...), e.ID.String()...)
	b = appendText(append(b, `","type":`...), e.Type)
	b = strconv.AppendInt(append(b, `,"schema_version":`...), int64(e.SchemaVersion), 10)
	b = e.RecordedAt.UTC().AppendFormat(append(b, `,"recorded_at":"`...), timeFormat)
	b = appendRaw(append(b, '"'), "data", e.Data)
	b = appendRaw(b, "metadata", e.Metadata)
	return append(b, '}', '\n')
}

func appendRaw(b []byte, name string, raw []byte) []byte {
	b = append(append(b, `,"`...), name...)
	if bytes.HasPrefix(raw, []byte("{")) && bytes.HasSuffix(raw, []byte("}")) && !bytes.ContainsAny(raw, "\r\n") {
		return append(append(b, `":`...), raw...)
	}
	return appendText(append(b, `_text":`...), raw)
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	b, _ = jsontext.AppendQuote(b, text) // its error is about bytes that are not UTF-8, of which a store has none
	return b
}
