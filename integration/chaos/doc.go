// Package chaos breaks a running platform on purpose and then proves from the outside that nothing was lost, doubled,
// reordered or skipped. It has tests only: `make chaos-delivery` runs all of it, `go test` a short version.
//
// A test drives real `ordo dev` processes, built with the tag failpoint, on a real Postgres and on a broker that outlives
// them. It kills, stops or deafens them at named points (internal/failpoint) under load, and lets them come to rest. The
// judge then compares logs, topics, checkpoints and read models with its own SQL, its own Kafka reader and its own fold; a spy
// has watched meanwhile for what can only be seen as it happens. Neither uses code of the product.
//
// A check that cannot fail proves nothing, so known mistakes ([github.com/ordo-platform/ordo/internal/failpoint.Mutant]) are
// switched on in turn, and each must be found. And a fail point that was never reached makes its test fail.
//
// Start reading at TestKilledAtEveryPoint, then package judge.
package chaos
