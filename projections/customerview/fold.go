package customerview

import (
	"errors"

	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/projections"
)

// Customer is one row.
type Customer struct {
	ID     customer.ID     `json:"id"`
	Name   string          `json:"name"`
	Email  string          `json:"email"`
	Status customer.Status `json:"status"`
	projections.Mark
}

// Key implements [projections.Model]: each customer has a row, fed by all of their events.
func Key(e projections.Event) (string, bool) {
	_, ok := e.Payload.(customer.Event)
	return e.Stream.Key(), ok
}

// Apply implements [projections.Model].
func Apply(c Customer, e projections.Event) (Customer, error) {
	mark, err := c.Next(e)
	if err != nil {
		return c, err
	}
	if _, registered := e.Payload.(customer.Registered); registered != (mark.Version == 1) {
		return c, errors.New("a customer begins with being registered, and is registered once")
	}

	switch p := e.Payload.(type) {
	case customer.Registered:
		c.ID, c.Status, c.Name, c.Email = p.CustomerID, customer.StatusActive, p.Name, p.Email
	case customer.Blocked:
		c.ID, c.Status = p.CustomerID, customer.StatusBlocked
	case customer.Unblocked:
		c.ID, c.Status = p.CustomerID, customer.StatusActive
	default:
		return c, &projections.UnhandledEventError{Type: p.EventType()}
	}
	c.Mark = mark
	return c, nil
}
