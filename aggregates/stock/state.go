package stock

// SKU names one kind of goods.
type SKU string

// Stream is the stream of a SKU's stock.
func Stream(sku SKU) string { return "stock-" + string(sku) }

// State counts pieces: 0 ≤ OnHand, 0 ≤ Reserved, and Reserved ≤ OnHand but for a recorded shortage.
type State struct {
	SKU      SKU      `json:"sku"`
	OnHand   int64    `json:"on_hand"`
	Reserved int64    `json:"reserved"`
	Receipts receipts `json:"receipts"` // the deliveries taken in
}

// Available is what can still be promised.
func (s State) Available() int64 { return max(0, s.OnHand-s.Reserved) }

// Short is how many pieces are promised to orders and not there.
func (s State) Short() int64 { return max(0, s.Reserved-s.OnHand) }
