package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Hash is a SHA-256 of the hash chain. As text it is hexadecimal.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("hash: want %d hexadecimal digits, got %d bytes", hex.EncodedLen(len(h)), len(text))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("hash: %w", err)
	}
	return nil
}

// Link is the newest hash of a chain that ends at Position. It stands for every event up to there: two logs with the same
// link have the same events. The zero Link is the empty log's.
type Link struct {
	Position Position `json:"position"`
	Hash     Hash     `json:"hash"`
}

// The chain's encoding. It is for ever: docs/hash-chain.md describes it for those who write a verifier of their own. A
// tag keeps leaves and links apart, and the length before each text keeps neighbours from exchanging bytes.
const (
	leafTag = 0x00
	linkTag = 0x01
)

// Leaf is what the chain covers of one event by its bytes. Position and time are covered by the link, partition and prev
// follow from the rest.
type Leaf struct {
	Stream        StreamID
	Version       Version
	ID            uuid.UUID
	Type          string
	SchemaVersion int
	Data          []byte // as stored
	Metadata      []byte // as stored
}

// EncodedLen is the length of what Encode appends.
func (l *Leaf) EncodedLen() int {
	return 1 + 6*8 + len(l.ID) + len(l.Stream) + len(l.Type) + len(l.Data) + len(l.Metadata)
}

// Encode appends the bytes whose SHA-256 is the event's leaf hash. They end with data, the length of metadata in 8 bytes,
// and metadata.
func (l *Leaf) Encode(b []byte) []byte {
	b = append(b, leafTag)
	b = appendString(b, l.Stream)
	b = appendNumber(b, int64(l.Version))
	b = append(b, l.ID[:]...)
	b = appendString(b, l.Type)
	b = appendNumber(b, int64(l.SchemaVersion))
	b = appendString(b, l.Data)
	return appendString(b, l.Metadata)
}

// LinkHash is the hash of the link that a commit of the events first..last adds to the chain; leaves are their leaf hashes
// in order, end to end.
func LinkHash(previous Hash, first, last Position, recordedAt time.Time, leaves []byte) Hash {
	h := sha256.New()
	header := make([]byte, 0, 1+len(previous)+3*8)
	header = append(header, linkTag)
	header = append(header, previous[:]...)
	header = appendNumber(header, int64(first))
	header = appendNumber(header, int64(last))
	header = appendNumber(header, recordedAt.UnixMicro())
	h.Write(header)
	h.Write(leaves)
	var link Hash
	h.Sum(link[:0])
	return link
}

func appendNumber(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // two's complement, as Postgres's int8send
}

func appendString[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(appendNumber(b, int64(len(s))), s...)
}
