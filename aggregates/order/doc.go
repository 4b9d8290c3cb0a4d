// Package order is a customer's order, the hub of the fulfilment process: every wait of the process is visible in the
// order's own stream, and every way it can end is one of its statuses.
//
//	          StockReserved               PaymentAuthorized
//	placed ------------------> awaiting_payment ------------------> confirmed
//	  | StockRefused                  | PaymentDeclined
//	  v                               v                 last undone
//	rejected                      cancelling ---------------------> rejected
//
// Promises: an order ends once, every command has an answer in every state (the table is in the tests), and the same
// command again is accepted with nothing new. The total is the exact sum of the lines.
//
// It does not know products, customers or stock: who sends [Place] has looked up the prices and the customer.
//
// Start reading at [Command], then decide.go, which says what may happen, and evolve.go, which says what it means.
package order
