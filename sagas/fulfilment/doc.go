// Package fulfilment is the process of an order: reserve its stock, authorise its payment, confirm it, and undo what was
// done, last step first, when one of them fails. [Steps] is all of it on one screen.
//
// The order is the hub: inventory and payments listen only to orders, and orders listens to both. So nobody joins two
// topics, and the order's own stream tells how far its process came.
//
// The traces in testdata show each way an order can go, message by message.
package fulfilment
