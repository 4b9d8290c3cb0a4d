package chaos

import "testing"

// TestLostAnswers: COMMIT and the end of a Kafka transaction happened, but their answers were lost, many times under load.
func TestLostAnswers(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	w, books := open(t)
	proxy, address := proxied(t, w.Postgres)
	p := w.start(setup{postgres: address})
	p.ready()
	stop := books.Load(t, pace, p.url)
	for n := range int64(rounds()) {
		w.tap.drops.Store(1)
		proxy.drops.Store(1)
		await(t, "both answers are lost", func() bool { return w.tap.dropped.Load() > n && proxy.dropped.Load() > n })
	}
	stop()
	p.ready()
	w.settleWith(p, books)
	t.Logf("lost %d answers to EndTxn and %d to COMMIT", w.tap.dropped.Load(), proxy.dropped.Load())
}
