package product

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Command is anything a product decides on.
type Command interface {
	aggregates.Command
	isCommand()
}

// Define makes the product be as given: lists it if it is new or was discontinued, else renames or reprices it.
type Define struct {
	SKU   SKU
	Name  string
	Price aggregates.Money
	At    time.Time
}

// Discontinue takes the product off the shelf.
type Discontinue struct {
	SKU SKU
	At  time.Time
}

func (Define) isCommand()      {}
func (Discontinue) isCommand() {}

// Stream implements aggregates.Command.
func (c Define) Stream() string { return Stream(c.SKU) }

// Stream implements aggregates.Command.
func (c Discontinue) Stream() string { return Stream(c.SKU) }
