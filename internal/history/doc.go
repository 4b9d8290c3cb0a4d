// Package history makes the past of a busy shop for event logs that are to be large: products, customers, stock, and orders
// of every fate, as the platform itself would have recorded them. A test checks that with the deciders of the domain.
//
// A history is a pure function of its seed: the same seed gives the same events, ids included, so filling a log again
// finds everything there, and more events of the same seed go on where fewer ended.
//
// The goroutines of [Fill] end before it returns. Start reading at [Generate].
package history
