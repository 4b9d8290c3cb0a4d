package fulfilment_test

import (
	"testing"

	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// TestTable holds the table to its own rules: names are the salt of event ids, so no two steps may share one, and an undo
// must be a step.
func TestTable(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, s := range fulfilment.Steps {
		if names[s.Name] {
			t.Errorf("two steps are called %s", s.Name)
		}
		names[s.Name] = true
	}
	for _, s := range fulfilment.Steps {
		if s.UndoneBy != "" && !names[s.UndoneBy] {
			t.Errorf("%s is undone by %s, which is no step", s.Name, s.UndoneBy)
		}
	}
}
