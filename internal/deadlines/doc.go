// Package deadlines ends what orders wait for in vain.
//
// A deadline is a task stored in the transaction of the event that starts the wait (fulfilment.Within), so there is one
// exactly if something is awaited. [Worker] claims those that are due and has their orders decide: an order that has got
// its answer has nothing to say to them. An answer that comes at the same time meets the deadline in the order's stream:
// whoever appends first wins, and the other is decided again on what the first led to.
//
// The clock of the database alone says what is due, with the delay counted from the commit of the event. Clocks of processes
// have no part in it: they may step or differ, and a process may be down, without a deadline being lost or coming early.
// One that came due meanwhile passes when the next worker looks. A step of the database's own clock moves deadlines
// by as much; early ones do no harm, since what is undone too soon is undone in order, and a late success with it.
//
// Any number of processes may run a worker on one database. Each deadline is claimed by one of them, for a time; that is a
// lease of its own, so there is no other: a worker that dies holds up what it has claimed, and nothing else.
package deadlines
