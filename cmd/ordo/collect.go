package main

import (
	"os"
	"runtime/debug"
)

// collectLess lets the heap grow to three times what lives, not two, before garbage is collected: where all cores are busy, orders
// wait while the collector works. What GOGC says goes first.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
