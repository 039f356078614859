// Package storetest provides test suites that check whether a store keeps Ration's
// contracts. Run them on a store for another database instead of writing such tests by
// hand:
//
//	func TestCounter(t *testing.T) {
//		storetest.TestCounter(t, storetest.Harness{
//			New:    func(testing.TB) store.Counter { return mystore.New() },
//			Bubble: synctest.Test,
//		})
//	}
//
// Each case is one sentence of the contract and the steps that check it. A failure prints
// the sentence. The suite is itself tested on counters that break one promise each, and
// catches them all.
//
// Caution: a counter that wraps another must embed the interface [store.Counter], never
// the type of a store. Otherwise the suite tests the TakeOne, Peek and Local of the inner
// store, which bypass the wrapper's Take.
//
// [Always], [Never] and [Faulty] return counters for testing code that calls one.
package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ration-go/ration/store"
)

// Harness configures how the suite makes and drives the counter under test. Only New is
// required if both windows and buckets use the caller's clock. A store whose buckets
// refill by a clock of its own sets Advance or Slack.
type Harness struct {
	// New makes a fresh, empty counter for one case. It may leave the clean-up to t. Cases
	// run one after the other.
	New func(t testing.TB) store.Counter

	// Bubble runs a case in a bubble in which time advances only while the case sleeps:
	// testing/synctest.Test, for a store in this process. If nil, cases run directly, which
	// is right for a store over a network.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Advance moves the clock of the last counter that New made by d, which is never
	// negative. Set it if the test can control that clock: time then stands still between
	// two calls, and results are exact.
	Advance func(d time.Duration)

	// Slack is how far a real clock, such as that of a database, may advance between two
	// steps of a case. Durations of buckets are compared with this tolerance. Cases that
	// need hours of refilling are skipped.
	Slack time.Duration
}

// TestCounter checks the counters that h makes against every promise of [store.Counter],
// with one subtest each.
func TestCounter(t *testing.T, h Harness) {
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) {
			if p.refills && h.Slack > 0 {
				t.Skip("needs buckets whose clock the test can move: Harness.Bubble or Harness.Advance")
			}
			h.bubble(t, func(t *testing.T) {
				if err := h.try(t, p); err != nil {
					t.Errorf("promise broken: %s\n%v", p.says, err)
				}
			})
		})
	}
}

// promise is one case: a sentence of the contract, and a story or a test that checks it.
type promise struct {
	name    string
	says    string
	refills bool // needs time to pass for buckets
	story   []step
	test    func(t *trial)
}

// promises returns all cases, in the order in which the author of a store will want to
// fix them.
func promises() []promise {
	return slices.Concat(
		chargePromises, levelPromises, bucketPromises, planPromises, windowPromises, latePromises, setPromises,
		subjectPromises, callPromises, ownPromises, peekPromises, onePromises, racePromises, randomPromises,
		extremePromises, aheadPromises, statePromises, stalePromises,
		ctxPromises, queuePromises,
		ctxPromises, queuePromises, overlapPromises, setRacePromises,
	)
}

func (h *Harness) bubble(t *testing.T, f func(t *testing.T)) {
	if h.Bubble == nil {
		f(t)
		return
	}
	h.Bubble(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // a call whose caller has left may still be under way
		f(t)
	})
}

// failure ends a case. It carries an error instead of failing the test, so that the suite
// can be run on counters that must fail it.
type failure struct{ error }

// try returns how a fresh counter breaks p, or nil if it keeps p.
func (h *Harness) try(tb testing.TB, p promise) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	t := &trial{Harness: h, ctx: tb.Context(), c: h.New(tb), began: time.Now()}
	if t.base = t.began.Truncate(time.Second); t.base.Before(t.began) {
		t.base = t.base.Add(time.Second)
	}
	t.play(p.story...)
	if p.test != nil {
		p.test(t)
	}
	return nil
}

func (t *trial) failf(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}
