package postgres

import (
	"encoding/json"
	"strings"

	"github.com/ordo-platform/ordo/eventstore"
)

// decodeMetadata reads the metadata of a stored event. As the store writes it (an object of strings, no spaces, nothing to
// unescape) that takes one allocation, which the fields share; whatever looks different is left to encoding/json.
func decodeMetadata(raw []byte) (eventstore.Metadata, error) {
	if m, ok := plainMetadata(string(raw)); ok {
		return m, nil
	}
	var m eventstore.Metadata
	err := json.Unmarshal(raw, &m)
	return m, err
}

// plainMetadata relies on text being valid JSON: without a backslash, every quote begins or ends a string.
func plainMetadata(text string) (m eventstore.Metadata, ok bool) {
	rest, ok := strings.CutPrefix(text, `{"`)
	if !ok || strings.Contains(text, `\`) {
		return m, text == "{}"
	}
	for ok {
		name, after, isString := strings.Cut(rest, `":"`)
		value, after, _ := strings.Cut(after, `"`)
		switch name { // which is more than a name if the value is not a string
		case "correlation_id":
			m.CorrelationID = value
		case "causation_id":
			m.CausationID = value
		case "actor":
			m.Actor = value
		case "traceparent":
			m.TraceParent = value
		case "tracestate":
			m.TraceState = value
		default:
			return eventstore.Metadata{}, false
		}
		if !isString {
			return eventstore.Metadata{}, false
		}
		if after == "}" {
			return m, true
		}
		rest, ok = strings.CutPrefix(after, `,"`)
	}
	return eventstore.Metadata{}, false
}
