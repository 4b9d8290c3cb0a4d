package aggregatetest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/aggregatetest"
)

// recorder stands in for a test that should fail.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// sum adds the numbers it is sent, and refuses negative ones.
var sum = aggregates.Decider[int, int, int]{
	Initial: func() int { return 0 },
	Decide: func(_ int, n int) ([]int, error) {
		switch {
		case n < 0:
			return nil, &aggregates.RefusedError{Reason: "negative", Detail: "no", Field: "n"}
		case n == 0:
			return nil, nil
		}
		return []int{n}, nil
	},
	Evolve: func(s, n int) int { return s + n },
}

func TestItFailsWhenItShould(t *testing.T) {
	t.Parallel()
	calls := 0
	moody := sum
	moody.Decide = func(int, int) ([]int, error) { calls++; return []int{calls}, nil }
	broken := sum
	broken.Decide = func(int, int) ([]int, error) { return nil, fmt.Errorf("technical") }

	for name, tc := range map[string]struct {
		run  func(t testing.TB)
		want string // part of the one complaint; empty for none
	}{
		"as expected":     {func(t testing.TB) { aggregatetest.For(t, sum).Given(1, 2).When(3).Then(3) }, ""},
		"nothing":         {func(t testing.TB) { aggregatetest.For(t, sum).When(0).ThenNothing() }, ""},
		"refused":         {func(t testing.TB) { _ = aggregatetest.For(t, sum).When(-1).ThenRefused("negative", "n") }, ""},
		"other event":     {func(t testing.TB) { aggregatetest.For(t, sum).When(3).Then(4) }, "got int3\nwant int4"},
		"missing event":   {func(t testing.TB) { aggregatetest.For(t, sum).When(0).Then(4) }, "got nothing"},
		"surplus event":   {func(t testing.TB) { aggregatetest.For(t, sum).When(3).ThenNothing() }, "want nothing"},
		"refusal instead": {func(t testing.TB) { aggregatetest.For(t, sum).When(-1).Then(1) }, "refused: negative"},
		"no refusal":      {func(t testing.TB) { _ = aggregatetest.For(t, sum).When(1).ThenRefused("negative", "n") }, "accepted with int1"},
		"other code":      {func(t testing.TB) { _ = aggregatetest.For(t, sum).When(-1).ThenRefused("odd", "n") }, `want "odd"`},
		"other field":     {func(t testing.TB) { _ = aggregatetest.For(t, sum).When(-1).ThenRefused("negative", "") }, `for field "n"`},
		"not a refusal":   {func(t testing.TB) { _ = aggregatetest.For(t, broken).When(1).ThenRefused("negative", "n") }, "not a refusal"},
		"not pure":        {func(t testing.TB) { aggregatetest.For(t, moody).When(1).Then(1) }, "decided again"},
	} {
		r := &recorder{TB: t}
		tc.run(r)
		said := strings.Join(r.said, "; ")
		if tc.want == "" && said != "" || tc.want != "" && (len(r.said) != 1 || !strings.Contains(said, tc.want)) {
			t.Errorf("%s: said %q, want %q", name, said, tc.want)
		}
	}
}

func TestGivenDoesNotShareHistory(t *testing.T) {
	t.Parallel()
	start := aggregatetest.For(t, aggregates.Decider[int, int, int]{
		Initial: sum.Initial,
		Evolve:  sum.Evolve,
		Decide:  func(s, _ int) ([]int, error) { return []int{s}, nil },
	}).Given(1)
	three, five := start.Given(2), start.Given(4)
	three.When(0).Then(3)
	five.When(0).Then(5)
}
