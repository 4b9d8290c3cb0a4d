// Package fulfilment is the process of an order: reserve its stock, authorise its payment, confirm it; capture the payment
// and take the stock out when it is shipped; and undo what was done, last step first, when a step fails, time runs out
// or somebody wants it. [Steps] is all of it on one screen; docs/process.md is made from it.
//
// The order is the hub: inventory and payments listen only to orders, and orders listens to both. So nobody joins two
// topics, and the order's own stream tells how far its process came.
//
// Promises: every order ends; stock is held and money is taken only for orders that are confirmed or shipped; every event
// has an answer in every state, however late or often it comes; an undo that overtakes what it undoes is remembered.
// Every wait has a deadline, see [Within]; what an order waits for in vain, and cannot undo, needs attention.
//
// The traces in testdata show each way an order can go, message by message.
package fulfilment

//go:generate go test -run ^TestProcess$ -update .
