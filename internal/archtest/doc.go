// Package archtest holds no code of the platform, only the tests that keep its layers apart: which package may import
// which, and what the aggregates must not call. Dependencies point downwards, from adapters to the domain.
//
// The table is in rules_test.go; start reading there. It speaks about code that ships: tests may import what they like.
package archtest
