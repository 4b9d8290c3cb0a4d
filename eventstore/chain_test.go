package eventstore_test

import (
	"crypto/sha256"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/eventstore"
)

// The vector is in the document too, computed with other means: logs hold such hashes, so the format must never change.
func TestChainVector(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/hash-chain.md")
	if err != nil {
		t.Fatal(err)
	}
	want := func(got eventstore.Hash, hash string) {
		t.Helper()
		if got.String() != hash {
			t.Errorf("got %s, want %s", got, hash)
		}
		if !strings.Contains(string(document), hash) {
			t.Errorf("docs/hash-chain.md does not have %s", hash)
		}
	}
	placed := leafHash(eventstore.Leaf{
		Stream: "order-1", Version: 1, ID: uuid.MustParse("0198c7a2-5b1e-7000-8000-000000000001"),
		Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"customer":"Zoë"}`), Metadata: []byte(`{}`),
	})
	reserved := leafHash(eventstore.Leaf{
		Stream: "stock-MUG", Version: 7, ID: uuid.MustParse("0198c7a2-5b1e-7000-8000-000000000002"),
		Type: "StockReserved", SchemaVersion: 2, Data: []byte(`{"quantity": 2}`), Metadata: []byte(`{"actor":"inventory"}`),
	})
	want(placed, "07fe0db7d102c3aaee01d2fa28cc5b87508d3c3f62e07d1f462bc3c8a5b72ea1")
	want(reserved, "daa53004bf32d5bb6c918524481a59f200daa327493b716d2d0e95a2126727f8")
	at := time.Date(2025, 11, 25, 0, 0, 0, 123456000, time.UTC)
	first := eventstore.LinkHash(eventstore.Hash{}, 1, 1, at, placed[:])
	want(first, "44f3fb87c45a238a536d1f3c0c8955387a64dbe708e8b54353ffd96fed7c714e")
	want(eventstore.LinkHash(first, 2, 2, at.Add(time.Second), reserved[:]),
		"979403850731229b0a4c128c864d5f909cf09fa147a71c461aa80d08e36e0c1a")
	want(eventstore.LinkHash(eventstore.Hash{}, 1, 2, at, append(placed[:], reserved[:]...)),
		"242878d0b070be922af0f41217935c747fcb86d124d2c298bc0d509524adcb11")
}

func leafHash(l eventstore.Leaf) eventstore.Hash { return sha256.Sum256(l.Encode(nil)) }

// Events that differ in anything have different encodings, also when bytes move from one field into the next.
func TestLeafEncodingIsUnambiguous(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`[ab]{0,3}`)
	leaf := rapid.Custom(func(t *rapid.T) eventstore.Leaf {
		return eventstore.Leaf{
			Stream:        eventstore.StreamID(text.Draw(t, "stream")),
			Version:       eventstore.Version(rapid.IntRange(1, 2).Draw(t, "version")),
			Type:          text.Draw(t, "type"),
			SchemaVersion: rapid.IntRange(1, 2).Draw(t, "schema version"),
			Data:          []byte(text.Draw(t, "data")),
			Metadata:      []byte(text.Draw(t, "metadata")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := leaf.Draw(t, "a"), leaf.Draw(t, "b")
		same := a.Stream == b.Stream && a.Version == b.Version && a.Type == b.Type && a.SchemaVersion == b.SchemaVersion &&
			string(a.Data) == string(b.Data) && string(a.Metadata) == string(b.Metadata)
		encoded := a.Encode(nil)
		if equal := string(encoded) == string(b.Encode(nil)); equal != same {
			t.Fatalf("encodings equal: %v, events equal: %v", equal, same)
		}
		if a.EncodedLen() != len(encoded) {
			t.Fatalf("%d bytes, EncodedLen says %d", len(encoded), a.EncodedLen())
		}
	})
}

func TestHashAsText(t *testing.T) {
	t.Parallel()
	hash := eventstore.Hash(sha256.Sum256([]byte("x")))
	text, err := hash.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var again eventstore.Hash
	if err := again.UnmarshalText(text); err != nil || again != hash {
		t.Errorf("%s became %s, %v", hash, again, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("0", 63) + "x", strings.Repeat("0", 66)} {
		if err := again.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a hash", bad)
		}
	}
}
