package product

import "fmt"

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Listed:
		return State{SKU: e.SKU, Status: StatusListed, Name: e.Name, Price: e.Price}
	case Renamed:
		s.Name = e.Name
	case Repriced:
		s.Price = e.Price
	case Discontinued:
		s.Status = StatusDiscontinued
	default:
		panic(fmt.Sprintf("product: unknown event %T", e))
	}
	return s
}
