package load

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/psp"
)

// Fate is how an order is meant to go.
type Fate string

// fate says what makes an order go its way.
type fate struct {
	method string        // payment method
	empty  bool          // orders something that is not in stock
	ends   client.Status // the status it must end in
	ship   bool          // it is shipped once it is confirmed
	cancel bool          // it is cancelled right after it was placed
}

var fates = map[Fate]fate{
	"confirmed":          {method: psp.MethodOK, ends: client.StatusConfirmed},
	"declined":           {method: psp.MethodDeclined, ends: client.StatusRejected},
	"shipped":            {method: psp.MethodOK, ship: true, ends: client.StatusShipped},
	"cancelled":          {method: psp.MethodOK, cancel: true, ends: client.StatusCancelled},
	"out_of_stock":       {method: psp.MethodOK, empty: true, ends: client.StatusRejected},
	"slow":               {method: psp.MethodSlow, ends: client.StatusConfirmed},
	"flaky":              {method: psp.MethodFlaky, ends: client.StatusConfirmed},
	"hang":               {method: psp.MethodHang, ends: client.StatusConfirmed},
	"error_after_charge": {method: psp.MethodErrorAfterCharge, ends: client.StatusConfirmed},
}

// Fates returns the fates there are, sorted.
func Fates() []Fate { return slices.Sorted(maps.Keys(fates)) }

// Mix is how often each fate is drawn, relative to the others.
type Mix map[Fate]int

// ParseMix reads "confirmed=90,declined=10".
func ParseMix(text string) (Mix, error) {
	mix := Mix{}
	for part := range strings.SplitSeq(text, ",") {
		name, weight, ok := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(weight)
		if !ok || err != nil || n < 0 {
			return nil, fmt.Errorf("%q: want FATE=WEIGHT, like confirmed=90,declined=10", part)
		}
		if _, known := fates[Fate(name)]; !known {
			return nil, fmt.Errorf("no such fate: %q; want one of %s", name, join(Fates()))
		}
		if _, twice := mix[Fate(name)]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		mix[Fate(name)] = n
	}
	if mix.total() == 0 {
		return nil, fmt.Errorf("%q: all weights are zero", text)
	}
	return mix, nil
}

// String writes a mix as ParseMix reads it.
func (m Mix) String() string {
	parts := make([]string, 0, len(m))
	for _, f := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s=%d", f, m[f]))
	}
	return strings.Join(parts, ",")
}

func (m Mix) total() (n int) {
	for _, weight := range m {
		n += weight
	}
	return n
}

// draw picks a fate.
func (m Mix) draw(random *rand.Rand) Fate {
	n := random.IntN(m.total())
	for _, f := range slices.Sorted(maps.Keys(m)) { // in one order, so that a seed gives the same orders again
		if n < m[f] {
			return f
		}
		n -= m[f]
	}
	panic("load: the weights do not add up")
}

func join[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
