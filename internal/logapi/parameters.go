package logapi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// badParameterError says which parameter of a request is wrong.
type badParameterError struct{ name, reason string }

func (e *badParameterError) Error() string { return e.name + ": " + e.reason }

func asBad(err error, bad **badParameterError) bool { return errors.As(err, bad) }

// parameters keeps the first thing that is wrong.
type parameters struct {
	values url.Values
	err    error
}

func (p *parameters) number(name string, low int64) int64 {
	n, err := strconv.ParseInt(p.values.Get(name), 10, 64)
	if (err != nil || n < low || len(p.values[name]) > 1) && p.err == nil {
		p.err = &badParameterError{name, fmt.Sprintf("must be a number of at least %d", low)}
	}
	return n
}

func (p *parameters) text(name string) string {
	text := p.values.Get(name)
	if (text == "" || len(p.values[name]) > 1) && p.err == nil {
		p.err = &badParameterError{name, "must be given once"}
	}
	return text
}
