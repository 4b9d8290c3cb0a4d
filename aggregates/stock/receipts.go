package stock

import "encoding/json"

// receipts remembers the deliveries taken in. To those who use it, it is a value: with gives a new one and leaves the
// old one as it was. That matters when a decision is folded into a state to see what would come of it, the append then
// fails, and the state before it is used again: a delivery that never happened must not be in it.
//
// Copying a map for each delivery would make long folds quadratic. So all states of one history share one journal, each
// seeing its first n entries only; like append on a slice, with writes behind the last entry if that is this state's own
// last, and copies otherwise, which is once for each decision that was dropped. As with a slice, states of one history
// must not be evolved by two goroutines at a time; who executes commands owns the state and evolves it one by one.
type receipts struct {
	journal *journal // nil before the first delivery
	n       int      // entries of the journal that are this state's
}

type journal struct {
	entries []receipt
	index   map[string]int // entry by reference
}

type receipt struct {
	Reference string `json:"reference"`
	Quantity  int64  `json:"quantity"`
}

// quantity returns how many pieces came with a delivery, and whether there was one.
func (r receipts) quantity(reference string) (int64, bool) {
	if r.journal == nil {
		return 0, false
	}
	i, ok := r.journal.index[reference]
	if !ok || i >= r.n { // another state's
		return 0, false
	}
	return r.journal.entries[i].Quantity, true
}

// with returns r with one more delivery.
func (r receipts) with(reference string, quantity int64) receipts {
	if r.journal == nil || len(r.journal.entries) != r.n {
		r.journal = r.fork()
	}
	r.journal.add(receipt{reference, quantity})
	r.n++
	return r
}

// fork returns a journal of r's entries only.
func (r receipts) fork() *journal {
	own := &journal{index: make(map[string]int, r.n+1)}
	if r.journal != nil {
		for _, e := range r.journal.entries[:r.n] {
			own.add(e)
		}
	}
	return own
}

func (j *journal) add(e receipt) {
	if _, again := j.index[e.Reference]; !again { // no state may lose sight of an entry of its own
		j.index[e.Reference] = len(j.entries)
	}
	j.entries = append(j.entries, e)
}

// MarshalJSON writes the deliveries, oldest first.
func (r receipts) MarshalJSON() ([]byte, error) {
	if r.journal == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(r.journal.entries[:r.n])
}

// UnmarshalJSON reads what MarshalJSON has written, into a journal of its own.
func (r *receipts) UnmarshalJSON(data []byte) error {
	var entries []receipt
	if err := json.Unmarshal(data, &entries); err != nil {
		return err
	}
	*r = receipts{}
	for _, e := range entries {
		*r = r.with(e.Reference, e.Quantity)
	}
	return nil
}
