package customer

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Command is anything a customer decides on.
type Command interface {
	aggregates.Command
	isCommand()
}

// Register makes a customer known.
type Register struct {
	CustomerID ID
	Name       string
	Email      string
	At         time.Time
}

// Block keeps a customer from ordering; Unblock lets them order again.
type (
	Block struct {
		CustomerID ID
		At         time.Time
	}
	Unblock struct {
		CustomerID ID
		At         time.Time
	}
)

func (Register) isCommand() {}
func (Block) isCommand()    {}
func (Unblock) isCommand()  {}

// Stream implements aggregates.Command.
func (c Register) Stream() string { return Stream(c.CustomerID) }

// Stream implements aggregates.Command.
func (c Block) Stream() string { return Stream(c.CustomerID) }

// Stream implements aggregates.Command.
func (c Unblock) Stream() string { return Stream(c.CustomerID) }
