// Package eventstoretest is the contract of package eventstore as a test suite. Every implementation runs it:
//
//	func TestContract(t *testing.T) {
//		eventstoretest.Run(t, func(t *testing.T) eventstoretest.Store { return openEmptyStore(t) })
//	}
//
// [RunMachine] lets connections break meanwhile, and compares with a model.
//
// It says nothing about what only some implementations can do: survive a crash, join a transaction, claim tasks.
package eventstoretest
