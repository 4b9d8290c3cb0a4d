package postgres

import (
	"fmt"
	"time"
)

// Defaults of [Config].
const (
	DefaultPartitions     = 12
	DefaultMaxGroupEvents = 1000
	DefaultMaxGroupBytes  = 4 << 20
	DefaultMaxQueue       = 4096
	DefaultMaxQueueBytes  = 64 << 20
	DefaultDrainTimeout   = 10 * time.Second
)

// Config is what a store can be told. Zero fields mean the defaults.
type Config struct {
	// Partitions is the number of Kafka partitions of the service's topic. The first Open pins it in the database; a store
	// with another number refuses to open.
	Partitions int

	// MaxGroupEvents and MaxGroupBytes bound one group commit: what does not fit waits for the next. An append that is larger
	// than a group is committed alone.
	MaxGroupEvents int
	MaxGroupBytes  int

	// MaxQueue and MaxQueueBytes bound the appends that wait for the next group. Beyond, Append fails with
	// eventstore.ErrBusy.
	MaxQueue      int
	MaxQueueBytes int

	// DrainTimeout bounds how long Run, when its context ends, goes on committing what was accepted. After that, appends
	// still waiting fail with eventstore.ErrClosed.
	DrainTimeout time.Duration

	// UnsafeDurability opens the store on a server that may lose commits in a crash (fsync, full_page_writes or
	// synchronous_commit is off). For throw-away databases only.
	UnsafeDurability bool
}

func (c Config) withDefaults() Config {
	setDefault(&c.Partitions, DefaultPartitions)
	setDefault(&c.MaxGroupEvents, DefaultMaxGroupEvents)
	setDefault(&c.MaxGroupBytes, DefaultMaxGroupBytes)
	setDefault(&c.MaxQueue, DefaultMaxQueue)
	setDefault(&c.MaxQueueBytes, DefaultMaxQueueBytes)
	setDefault(&c.DrainTimeout, DefaultDrainTimeout)
	return c
}

func setDefault[T ~int | ~int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func (c Config) validate() error {
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"Partitions", int64(c.Partitions)},
		{"MaxGroupEvents", int64(c.MaxGroupEvents)},
		{"MaxGroupBytes", int64(c.MaxGroupBytes)},
		{"MaxQueue", int64(c.MaxQueue)},
		{"MaxQueueBytes", int64(c.MaxQueueBytes)},
		{"DrainTimeout", int64(c.DrainTimeout)},
	} {
		if limit.value < 0 {
			return fmt.Errorf("event store: %s is negative", limit.name)
		}
	}
	return nil
}
