package payments

import "time"

// SetPause changes how long a worker that has not run yet leaves a failing provider alone.
func SetPause(w *Worker, pause time.Duration) { w.provider = newGuard(w.Provider, pause) }
