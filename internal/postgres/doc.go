// Package postgres opens connection pools, runs migrations and grants privileges: the settings every component's database
// access shares. Tables are made by the owner of a database and worked with by its runtime role, which has what [Grant] gave
// it and nothing else.
//
// It starts no goroutine of its own; the pool it returns owns some, and Close ends them. Queries live in the packages
// that need them, migrations in the packages whose tables they make.
package postgres
