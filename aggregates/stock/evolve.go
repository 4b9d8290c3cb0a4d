package stock

import "fmt"

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Received:
		s.SKU = e.SKU
		s.OnHand += e.Quantity
		s.Receipts = s.Receipts.with(e.Reference, e.Quantity)
	case Adjusted:
		s.SKU = e.SKU
		s.OnHand += e.Delta
	case ShortageRecorded: // what the counts say already
	case Allocated:
		s.Reserved += e.Quantity
	case Deallocated:
		s.Reserved -= e.Quantity
	case Dispatched:
		s.Reserved -= e.Quantity
		s.OnHand -= e.Quantity
	default:
		panic(fmt.Sprintf("stock: unknown event %T", e))
	}
	return s
}
