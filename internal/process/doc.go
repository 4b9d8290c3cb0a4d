// Package process tells where an order is on its way: which steps were done, failed or undone, what is awaited and for how
// long yet, and what is still to come.
//
// [Describe] is a pure function of the events of one order in all services, and of the tasks that are waiting for it. The
// steps come from the order's own stream, which holds every wait of the process; the answers from the participants'; the
// tree of events from their causation. Nothing is stored for it, so it is never behind and costs an order nothing that
// nobody asks about.
//
// Start reading at [Process].
package process
