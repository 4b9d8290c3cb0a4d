// Package aggregatetest tests aggregates the way they are used: given what happened, when a command comes, then these
// events happen, or the command is refused. It looks at events only, never at private state.
//
//	aggregatetest.For(t, stock.Decider).
//		Given(stock.Received{SKU: "MUG-1", Quantity: 5, Reference: "r1"}).
//		When(stock.Allocate{SKU: "MUG-1", OrderID: "o1", Quantity: 2}).
//		Then(stock.Allocated{SKU: "MUG-1", OrderID: "o1", Quantity: 2})
//
// Beside what the test asks for, every When checks what all aggregates promise: Decide changes nothing, so that it answers
// the same again, and Evolve takes whatever Decide accepts.
package aggregatetest
