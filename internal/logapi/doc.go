// Package logapi lets other processes read the log of a service over HTTP: consumers refill from it what their topic has lost,
// learn from it how far they are behind, and tell the way of an order from it. [Handler] serves logs,
// [Client] reads one; both speak of the same [Log].
//
//	GET /internal/v1/log?service=orders&from=17&to=90&partition=3&limit=200   events of one partition, from and to included
//	GET /internal/v1/log/unseen?service=orders&seen=17,0,12                   what a reader has not seen
//	GET /internal/v1/log/stream?service=orders&stream=order-…&after=0&limit=200   events of one stream
//	GET /internal/v1/log/task?service=payments&kind=…&key=…                 what is still to be done for a key
//
// It promises that an event comes out byte for byte as it is stored: data travels in base64. It knows no access rules, so it
// belongs on a listener of its own that strangers do not reach.
package logapi
