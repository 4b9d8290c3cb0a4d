// Package projections turns recorded events into read models.
//
// A read model is a pure fold and the table its rows live in, see [Model]: which row an event concerns, and what the row
// is after it. There is no context, clock, or database in a fold, so the value of a row depends on nothing but the events
// up to the row's position, and whoever folds the same events gets the same rows, in batches of any size.
//
// [Projector] feeds a model live: it is handed a batch of events and the transaction that also moves the checkpoint, loads
// the rows the batch touches in one statement, folds in memory and writes them back in one statement.
//
// What a projector does not do: it starts no goroutine, opens and ends no transaction, and does not look for duplicates.
// Whoever calls it does (internal/consumer). An event that comes twice or too early is an error here, as is one of an
// unknown type or a newer schema version: skipping it would leave a row that looks right and is not.
//
// Each read model is a package of its own (orderview, stocklevels, productview, customerview) with its fold in fold.go, its
// queries in query.go, its statements in sql/ and its tables in migrations/. The statements name tables without a schema:
// what writes is led to the tables of one generation by [Model.In], queries read the view that leads to the live one.
//
// Start reading at [Model] and [Projector.Handle].
package projections
