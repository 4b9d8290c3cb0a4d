// Package customer is who may order: a name, an e-mail address, and whether the customer is blocked.
//
// Promises: commands are idempotent; names and addresses are fit to be shown. An address is checked for its shape only,
// and is not unique: whether it is the customer's can only be found out by writing to it.
//
// Blocking concerns orders placed from then on, as soon as the service that takes them has heard of it. Start reading at
// [Command], then decide.go and evolve.go.
package customer
