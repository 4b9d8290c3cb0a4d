// Package order is a customer's order, the hub of the fulfilment process: every wait of the process is visible in the
// order's own stream, and every way it can end is one of its statuses.
//
//	        StockReserved                  PaymentAuthorized              PaymentCaptured, StockCommitted
//	placed --------------> awaiting_payment ----------------> confirmed -------------------------------> shipped
//	  | StockRefused               | PaymentDeclined              |  (once it is to be shipped)
//	  v                            v                              |
//	rejected <--------------- cancelling <-- cancel, deadline ----+ (and placed, awaiting_payment)
//	               last undone     | last undone
//	                               v
//	                           cancelled
//
// From cancelling, and while it is being shipped, an order comes to needs_attention when what it waits for is refused or
// overdue: there is no other way out than the answer. A late answer is taken; an operator can ask for another try.
//
// Promises: an order ends once, every command has an answer in every state (the table is in the tests), and the same
// command again is accepted with nothing new. The total is the exact sum of the lines. Steps are undone one by one, the
// last one first, each on the answer to the one before.
//
// It does not know products, customers or stock: who sends [Place] has looked up the prices and the customer. Nor does it
// have a clock: who sends [PassDeadline] keeps the time, from the event that [Awaits] says starts the wait.
//
// Start reading at [Command], then decide.go (the order itself), decide_requests.go (what people ask for) and
// decide_steps.go (answers to steps), which say what may happen, and evolve.go, which says what it means.
package order
