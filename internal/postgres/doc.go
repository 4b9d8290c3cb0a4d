// Package postgres opens connection pools and runs migrations: the settings every component's database access shares.
//
// It starts no goroutine of its own; the pool it returns owns some, and Close ends them. Queries live in the packages
// that need them, migrations in the packages whose tables they make.
package postgres
