package customer

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/ordo-platform/ordo/aggregates"
)

// Limits of a customer.
const (
	MaxNameLength  = 200
	MaxEmailLength = 254 // longest address that fits a mail's path (RFC 5321)
)

// Codes of refusals, beside those of package aggregates.
const (
	CodeAlreadyRegistered = "already_registered" // under this id, with another name or address
	CodeInvalidEmail      = "invalid_email"
)

// Decider decides on customers.
var Decider = aggregates.Decider[State, Command, Event]{
	Initial: func() State { return State{} },
	Decide:  decide,
	Evolve:  evolve,
}

func decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Register:
		return register(s, c)
	case Block:
		return block(s, c)
	case Unblock:
		return unblock(s, c)
	default:
		panic(fmt.Sprintf("customer: unknown command %T", c))
	}
}

func register(s State, c Register) ([]Event, error) {
	c.Name = strings.TrimSpace(c.Name)
	if err := aggregates.CheckText("name", c.Name, MaxNameLength); err != nil {
		return nil, err
	}
	if err := checkEmail(c.Email); err != nil {
		return nil, err
	}
	switch {
	case s.Status == StatusNone:
		return []Event{Registered(c)}, nil
	case c.Name == s.Name && c.Email == s.Email:
		return nil, nil
	default:
		return nil, &aggregates.RefusedError{Reason: CodeAlreadyRegistered, Detail: "there is another customer with this id"}
	}
}

func checkEmail(email string) error {
	if err := aggregates.CheckText("email", email, MaxEmailLength); err != nil {
		return err
	}
	local, domain, _ := strings.Cut(email, "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") || strings.ContainsFunc(email, unicode.IsSpace) {
		return &aggregates.RefusedError{Reason: CodeInvalidEmail, Detail: "must have one @ with something around it, and no spaces", Field: "email"}
	}
	return nil
}

func block(s State, c Block) ([]Event, error) {
	switch s.Status {
	case StatusActive:
		return []Event{Blocked{CustomerID: s.ID, At: c.At}}, nil
	case StatusBlocked:
		return nil, nil
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func unblock(s State, c Unblock) ([]Event, error) {
	switch s.Status {
	case StatusBlocked:
		return []Event{Unblocked{CustomerID: s.ID, At: c.At}}, nil
	case StatusActive:
		return nil, nil
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func notFound() error {
	return &aggregates.RefusedError{Reason: aggregates.CodeNotFound, Detail: "there is no such customer"}
}

// unknown is what to panic with in a status that evolve never gives.
func unknown(s State) string { return fmt.Sprintf("customer %s: unknown status %q", s.ID, s.Status) }
