package projections_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/ordo-platform/ordo/projections"
)

// slowRows answers a statement when it is told to, and fails when a key is bad.
type slowRows struct {
	statements [][]string
	answer     chan struct{}
}

func (s *slowRows) load(ctx context.Context, keys []string) (map[string]string, error) {
	s.statements = append(s.statements, keys)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.answer:
	}
	rows := map[string]string{}
	for _, key := range keys {
		switch key {
		case "bad":
			return nil, errors.New("the database is on fire")
		case "nobody":
		default:
			rows[key] = "row of " + key
		}
	}
	return rows, nil
}

type got struct {
	row string
	err error
}

// ask calls Get in a goroutine of its own.
func ask(ctx context.Context, g *projections.Gatherer[string], key string) chan got {
	answer := make(chan got, 1)
	go func() {
		row, err := g.Get(ctx, key)
		answer <- got{row, err}
	}()
	synctest.Wait()
	return answer
}

// Those who ask while a statement runs share the next one: none of them may get an answer that is older than their question.
func TestGathererShares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &slowRows{answer: make(chan struct{})}
		g := projections.NewGatherer("people", db.load)
		first := ask(t.Context(), g, "a")
		var rest []chan got
		for _, key := range []string{"a", "b", "nobody", "b"} {
			rest = append(rest, ask(t.Context(), g, key))
		}
		db.answer <- struct{}{}
		if a := <-first; a != (got{"row of a", nil}) {
			t.Errorf("the first got %+v", a)
		}
		db.answer <- struct{}{}
		for i, want := range []string{"row of a", "row of b", "", "row of b"} {
			a := <-rest[i]
			var missing *projections.NotFoundError
			if a.row != want || (want == "") != errors.As(a.err, &missing) {
				t.Errorf("caller %d got %+v, want %q", i, a, want)
			}
		}
		if want := [][]string{{"a"}, {"a", "b", "nobody", "b"}}; !reflect.DeepEqual(db.statements, want) {
			t.Errorf("statements %q, want %q", db.statements, want)
		}
	})
}

// What goes wrong with one statement is not told to those of the next, and one who gives up takes nobody along.
func TestGathererFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &slowRows{answer: make(chan struct{})}
		g := projections.NewGatherer("people", db.load)
		impatient, giveUp := context.WithCancel(t.Context())
		first := ask(impatient, g, "bad")
		second := ask(t.Context(), g, "a")
		giveUp()
		if a := <-first; !errors.Is(a.err, context.Canceled) {
			t.Errorf("who gave up got %+v", a)
		}
		db.answer <- struct{}{}
		db.answer <- struct{}{}
		if a := <-second; a != (got{"row of a", nil}) {
			t.Errorf("the second got %+v", a)
		}
		third := ask(t.Context(), g, "bad")
		db.answer <- struct{}{}
		if a := <-third; a.err == nil {
			t.Errorf("the third got %+v, want the error of the database", a)
		}
		fourth := ask(t.Context(), g, "a") // never answered
		if a := <-fourth; !errors.Is(a.err, context.DeadlineExceeded) {
			t.Errorf("the fourth got %+v", a)
		}
		if last := db.statements[len(db.statements)-1]; !slices.Equal(last, []string{"a"}) {
			t.Errorf("the last statement was for %q", last)
		}
	})
}
