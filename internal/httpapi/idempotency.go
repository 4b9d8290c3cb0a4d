package httpapi

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

const maxKeyLength = 255

// idempotencyKey is a client's key with the request it came with. Its scope is the subject alone: the same key on another
// route of the service is a mistake of the client, and is told to be one.
type idempotencyKey struct {
	value       string
	fingerprint []byte // hash of method, path and body
}

// parseKey reads the Idempotency-Key header: a string of structured fields (RFC 9651), or the same without its quotes.
func parseKey(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", failField(codeKeyInvalid, "Idempotency-Key", "the header is there more than once")
	}
	key := values[0]
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		if key, ok = unquote(quoted); !ok {
			return "", failField(codeKeyInvalid, "Idempotency-Key", "a key that begins with a quote must be a structured field string")
		}
	}
	switch {
	case key == "":
		return "", failField(codeKeyInvalid, "Idempotency-Key", "the key is empty")
	case len(key) > maxKeyLength:
		return "", failField(codeKeyInvalid, "Idempotency-Key", fmt.Sprintf("a key has at most %d characters, not %d", maxKeyLength, len(key)))
	case !printable(key):
		return "", failField(codeKeyInvalid, "Idempotency-Key", "a key is printable ASCII")
	}
	return key, nil
}

// unquote reads the rest of a structured field string after its first quote. Nothing may follow it.
func unquote(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i == len(s)-1
		case '\\':
			i++
			if i == len(s) || (s[i] != '"' && s[i] != '\\') {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", false
}

// fingerprintOf hashes what a request asks for. Two bodies that are the same JSON have the same fingerprint.
func fingerprintOf(method, path string, body []byte) ([]byte, error) {
	canonical := jsontext.Value(bytes.Clone(body))
	if len(body) > 0 {
		// Numbers are kept as they are written: as floats, large ones would become alike.
		err := canonical.Format(jsontext.ReorderRawObjects(true), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
		if err != nil {
			return nil, err
		}
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s\n%s", method, path, canonical)
	return h.Sum(nil), nil
}

// once runs a command at most once for a key: a repeated request gets the answer stored by the first.
func (a *api) once(r *request, run func() (answer, error)) (answer, error) {
	key, err := parseKey(r.Header.Values("Idempotency-Key"))
	if err != nil {
		return answer{}, err
	}
	if key == "" {
		if r.endpoint.key == keyRequired {
			return answer{}, failField(codeKeyRequired, "Idempotency-Key", "the header is missing")
		}
		return run()
	}
	fingerprint, err := fingerprintOf(r.Method, r.URL.EscapedPath(), r.body)
	if err != nil {
		return answer{}, err
	}
	r.key = &idempotencyKey{value: key, fingerprint: fingerprint}
	release, ok := a.running.start(r.endpoint.service, key)
	if !ok {
		return answer{}, failField(codeKeyInProgress, "Idempotency-Key", "the request with this key is still being worked on")
	}
	defer release()
	ans, err := run()
	if err == nil {
		return ans, nil
	}
	return r.answered(err)
}

// answered gives the stored answer, if there is one, to a request that was refused: what it is refused for now may be the work of
// the same request, sent before, or have come up since. Nobody looks for it beforehand, for nearly every request is a new one,
// and an append with a receipt whose key is used stores nothing.
func (r *request) answered(refusal error) (answer, error) {
	if used, ok := errors.AsType[*eventstore.KeyUsedError](refusal); ok {
		return r.repeat(used.Receipt)
	}
	if errors.Is(refusal, eventstore.ErrOutcomeUnknown) {
		return answer{}, refusal
	}
	if ans, found, err := r.replay(); found || err != nil {
		return ans, err
	}
	return answer{}, refusal
}

// replay finds the stored answer.
func (r *request) replay() (answer, bool, error) {
	receipt, found, err := r.endpoint.commands.Receipts.Receipt(r.Context(), subject, r.key.value)
	if err != nil || !found {
		return answer{}, false, err
	}
	ans, err := r.repeat(receipt)
	return ans, true, err
}

// repeat gives the answer in a receipt, if it is of the same request.
func (r *request) repeat(receipt eventstore.Receipt) (answer, error) {
	if !bytes.Equal(receipt.Fingerprint, r.key.fingerprint) {
		return answer{}, failField(codeKeyReused, "Idempotency-Key", "this key came with another request before")
	}
	var ans answer
	if err := json.Unmarshal(receipt.Response, &ans); err != nil {
		return answer{}, fmt.Errorf("receipt at position %d: %w", receipt.Position, err)
	}
	r.header.Set("Idempotent-Replayed", "true")
	r.setPosition(receipt.Position)
	return ans, nil
}

func (k *idempotencyKey) receipt(ans answer) (*eventstore.Receipt, error) {
	response, err := json.Marshal(ans)
	if err != nil {
		return nil, err
	}
	return &eventstore.Receipt{Scope: subject, Key: k.value, Fingerprint: k.fingerprint, Response: response}, nil
}

// idNamespace keeps ids derived here apart from all others that are made of hashes.
var idNamespace = uuid.MustParse("6f72646f-0000-8000-8000-687474706170")

// id derives the id of what the request makes, so that even a key whose receipt is gone cannot make a second one.
//
// A key that is a UUID version 7 lends it its 48-bit time: ids of things made one after another lie side by side in every
// index then, instead of all over it.
func (k *idempotencyKey) id(of string) string {
	id := uuid.NewHash(sha256.New(), idNamespace, fmt.Appendf(nil, "%s\x00%s\x00%s", of, subject, k.value), 8)
	if key, err := uuid.Parse(k.value); err == nil && key.Version() == 7 {
		copy(id[:6], key[:6])
	}
	return id.String()
}

// running holds the keys of the requests this process is working on.
type running struct {
	mu   sync.Mutex
	keys map[[2]string]struct{} // service and key
}

// start takes a key, until release is called. It fails if the key is taken.
func (r *running) start(service, key string) (release func(), ok bool) {
	k := [2]string{service, key}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.keys[k]; taken {
		return nil, false
	}
	if r.keys == nil {
		r.keys = map[[2]string]struct{}{}
	}
	r.keys[k] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.keys, k)
	}, true
}
