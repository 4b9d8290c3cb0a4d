// Package generations keeps the sets of tables of read models. Each generation is a schema of its own, made by the model's
// migrations and written by one version of its fold; the catalogue, table generations, says which there are and which is live.
//
// What it promises:
//
//   - Queries name the model's table as if there were one: a view of that name leads to the live generation. Moving the view
//     and the catalogue is one transaction, so all readers change over at the same moment.
//   - A program feeds the generations that its folds belong to, and no others. Programs of two versions run side by side,
//     each on its own tables.
//   - Migrations reach every generation, old ones as well: columns come with a default and go only when no older program is
//     left, as in any rolling deployment.
//
// It owns no goroutine. Who builds, compares and swaps generations is package replay; who feeds them live is package app.
//
// Start reading at [Prepare] and [Catalogue].
package generations
