package eventstore

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// DeriveID returns the id of the n-th event that step makes because of cause. The same arguments always give the same
// id, so a second delivery of the cause makes the same event, which the store refuses as a [DuplicateEventError].
//
// The id is a UUID version 8 (RFC 9562): it keeps the 48-bit time of its cause, so derived ids sort beside fresh ones.
func DeriveID(cause uuid.UUID, step string, n int) uuid.UUID {
	h := sha256.New()
	h.Write(cause[:])
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(n))) //nolint:gosec // n counts the events of one reaction
	h.Write([]byte(step))
	var id uuid.UUID
	copy(id[:], h.Sum(nil))
	copy(id[:6], cause[:6])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
