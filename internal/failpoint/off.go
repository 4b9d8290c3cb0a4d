//go:build !failpoint

package failpoint

// Enabled tells whether this program obeys fail points.
const Enabled = false

// Hit does nothing.
func Hit(Point, string) error { return nil }

// Is is false.
func Is(Mutant) bool { return false }
