package aggregates

import (
	"errors"
	"math"
)

// Money is an amount in minor units (1990 = 19.90) of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// ErrAmountOverflow says that a sum does not fit 64 bits; ErrMixedCurrencies that its parts have different currencies.
var (
	ErrAmountOverflow  = errors.New("amount overflows")
	ErrMixedCurrencies = errors.New("amounts have different currencies")
)

// Plus adds two amounts of one currency.
func (m Money) Plus(o Money) (Money, error) {
	if m.Currency != o.Currency {
		return Money{}, ErrMixedCurrencies
	}
	if (o.Amount > 0 && m.Amount > math.MaxInt64-o.Amount) || (o.Amount < 0 && m.Amount < math.MinInt64-o.Amount) {
		return Money{}, ErrAmountOverflow
	}
	return Money{m.Amount + o.Amount, m.Currency}, nil
}

// Times multiplies an amount by a quantity of zero or more.
func (m Money) Times(n int64) (Money, error) {
	if n != 0 && (m.Amount > math.MaxInt64/n || m.Amount < math.MinInt64/n) {
		return Money{}, ErrAmountOverflow
	}
	return Money{m.Amount * n, m.Currency}, nil
}
