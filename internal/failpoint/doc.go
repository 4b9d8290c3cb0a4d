// Package failpoint names the places between two steps where a crash must do no harm, and lets a test program die, stand still
// or fail exactly there.
//
// A normal build has none of it: [Enabled] is a constant false, [Hit] and [Is] are empty and are compiled away, and no
// environment variable is read. Only a program built with the tag failpoint obeys them:
//
//	ORDO_FAILPOINTS=relay/before-end-txn:orders=kill@3,consumer/after-commit=sleep:2s@1
//
// says what happens at the n-th time that a point is reached, by anyone or only by the one named after the colon: kill
// (SIGKILL to this process), stop (SIGSTOP), sleep:DURATION, hold (until the file named by ORDO_FAILPOINT_LOG is gone), or error
// (what was done before the point stays done, so at a point after a step this is "it happened, but the answer was lost"). Each point that fires is first written to the file named by
// ORDO_FAILPOINT_LOG, so a test knows that its point was reached. ORDO_MUTANT names one known mistake to make on purpose: a
// check that does not notice it is no check.
//
// The names are in points.go. The tests that use them are in integration/chaos.
package failpoint
