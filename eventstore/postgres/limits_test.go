package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
)

// The limits beyond those of the contract, which every store has: at each of them an append is stored, one above it is not.
func TestLimitsAndOneAbove(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	text := func(n int) string { return strings.Repeat("x", n) }
	append16MiB := func(above int) eventstore.Append {
		a := one("order-large", eventstore.AnyVersion)
		a.Streams[0].Events = nil
		for i := range 64 {
			e := event()
			size := eventstore.MaxEventBytes - len(`{}`) // which is its metadata
			if i == 0 {
				size += above
			}
			e.Data = fmt.Appendf(nil, `{"a":"%s"}`, text(size-len(`{"a":""}`)))
			a.Streams[0].Events = append(a.Streams[0].Events, e)
		}
		return a
	}
	receipt := func(r eventstore.Receipt) eventstore.Append {
		a := one("order-receipt", eventstore.AnyVersion)
		a.Receipt = &r
		return a
	}
	tasks := func(n int, task eventstore.Task) eventstore.Append {
		a := one("order-tasks", eventstore.AnyVersion)
		for i := range n {
			task := task
			if n > 1 {
				task.Key += fmt.Sprint(i)
			}
			a.Tasks = append(a.Tasks, task)
		}
		return a
	}
	for what, sized := range map[string]func(above int) eventstore.Append{
		"append data":   append16MiB,
		"receipt scope": func(n int) eventstore.Append { return receipt(eventstore.Receipt{Scope: text(512 + n), Key: "k"}) },
		"receipt key":   func(n int) eventstore.Append { return receipt(eventstore.Receipt{Scope: "s", Key: text(512 + n)}) },
		"receipt": func(n int) eventstore.Append {
			return receipt(eventstore.Receipt{Scope: "s", Key: "r", Fingerprint: []byte("f"), Response: []byte(text(256<<10 - 1 + n))})
		},
		"tasks":     func(n int) eventstore.Append { return tasks(100+n, eventstore.Task{Kind: "many", Key: "k"}) },
		"task kind": func(n int) eventstore.Append { return tasks(1, eventstore.Task{Kind: text(512 + n), Key: "k"}) },
		"task key":  func(n int) eventstore.Append { return tasks(1, eventstore.Task{Kind: "k", Key: text(512 + n)}) },
	} {
		_, err := store.Append(t.Context(), sized(1))
		if limit, ok := errors.AsType[*eventstore.LimitError](err); !ok || limit.What != what || limit.Size != limit.Limit+1 {
			t.Errorf("one above %s: error %v", what, err)
		}
		if _, err := store.Append(t.Context(), sized(0)); err != nil {
			t.Errorf("at the limit of %s: %v", what, err)
		}
	}
	wantLog(t, store, 64+3+3)
}
