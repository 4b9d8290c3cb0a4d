package consumer

import (
	"testing"
	"time"
)

func TestWhenAConsumerRests(t *testing.T) {
	t.Parallel()
	c := Config{GiveWay: true, MaxPoll: 100}
	for _, tc := range []struct {
		what           string
		before, events int
		took, want     time.Duration
	}{
		{"a few events, which somebody may be waiting for", 2, 1, 10 * time.Millisecond, 0},
		{"many", 0, 50, 10 * time.Millisecond, 40 * time.Millisecond},
		{"few, but many were before", 50, 1, 5 * time.Millisecond, 20 * time.Millisecond},
		{"many, in a long round", 0, 50, time.Second, 500 * time.Millisecond},
		{"a backlog", 100, 100, 10 * time.Millisecond, 0},
		{"nothing after many", 50, 0, 0, 0},
	} {
		if got := c.rest(tc.before, tc.events, tc.took); got != tc.want {
			t.Errorf("%s: rests %s, not %s", tc.what, got, tc.want)
		}
	}
	c.GiveWay = false
	for took, want := range map[time.Duration]time.Duration{10 * time.Millisecond: 10 * time.Millisecond, time.Second: 40 * time.Millisecond} {
		if got := c.rest(0, 50, took); got != want {
			t.Errorf("one that does not give way rests %s after %s, not %s", got, took, want)
		}
	}
	if got := c.rest(10, 10, time.Second); got != 0 {
		t.Errorf("one that does not give way rests %s after some events", got)
	}
}
