package schemas_test

import (
	"testing"

	"github.com/ordo-platform/ordo/schemas"
)

// measured are the smallest event, a common one, and one with lists.
var measured = []schemas.Type{
	{Name: "OrderConfirmed", Version: 1}, {Name: "StockAllocated", Version: 1}, {Name: "OrderPlaced", Version: 1},
}

func BenchmarkDecode(b *testing.B) {
	for _, typ := range measured {
		b.Run(typ.Name, func(b *testing.B) {
			e := stored(typ, compact(b, typ))
			b.SetBytes(int64(len(e.Data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := schemas.Decode(e); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, typ := range measured {
		b.Run(typ.Name, func(b *testing.B) {
			e, err := schemas.Decode(stored(typ, sample(b, typ)))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := schemas.Encode(e); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// compact is a sample as it is stored.
func compact(b *testing.B, typ schemas.Type) []byte {
	b.Helper()
	e, err := schemas.Decode(stored(typ, sample(b, typ)))
	if err != nil {
		b.Fatal(err)
	}
	_, _, data, err := schemas.Encode(e)
	if err != nil {
		b.Fatal(err)
	}
	return data
}
