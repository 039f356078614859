// Package storetest is the promises of Ration's stores, executable. Whoever writes a
// store for another database runs them on it; no test of the contract need be written by
// hand:
//
//	func TestCounter(t *testing.T) {
//		storetest.TestCounter(t, storetest.Harness{
//			New:    func(testing.TB) store.Counter { return mystore.New() },
//			Bubble: synctest.Test,
//		})
//	}
//
// Each case is a sentence of the contract and the story that shows whether it is kept; a
// failure prints the sentence. The suite itself is tried on counters that break one
// promise each, and must catch them all.
//
// A counter that wraps another embeds the interface [store.Counter], never the type of a
// store, whose TakeOne, Peek and Local would go past its Take: the suite then tests those
// of the store within.
//
// [Always], [Never] and [Faulty] are counters for tests of code that calls one.
package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ration-go/ration/store"
)

// Harness is how the suite makes and drives the counter it tests. The rest of it may be
// left zero if windows and buckets both go by the caller's clock; a store whose buckets
// refill by a clock of its own sets either Advance or Slack.
type Harness struct {
	// New makes a counter for one case, fresh and empty, and may leave cleaning up to t.
	// Cases run one after the other.
	New func(t testing.TB) store.Counter

	// Bubble runs a case in a bubble where time stands still but for sleep:
	// testing/synctest.Test, for a store within this process. Nil runs the case directly,
	// which is right for a store over a network.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Advance moves the clock of the last counter that New made by d, if the test can do
	// that: the clock then stands still between two calls, and all is exact. It is never
	// less than zero.
	Advance func(d time.Duration)

	// Slack is what a clock that nothing but time moves may go on between two steps of a
	// case, as on a real database: the durations of buckets are compared with this
	// tolerance. Cases that cannot do without hours of refilling are skipped.
	Slack time.Duration
}

// TestCounter holds the counters that h makes to every promise of [store.Counter], one
// subtest each.
func TestCounter(t *testing.T, h Harness) {
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) {
			if p.refills && h.Slack > 0 {
				t.Skip("needs buckets whose clock the test can move: Harness.Bubble or Harness.Advance")
			}
			h.bubble(t, func(t *testing.T) {
				if err := h.try(t, p); err != nil {
					t.Errorf("broken: %s\n%v", p.says, err)
				}
			})
		})
	}
}

// promise is one case: a sentence of the contract, and a story or a test that shows
// whether a counter keeps it.
type promise struct {
	name    string
	says    string
	refills bool // needs time to pass for buckets
	story   []step
	test    func(t *trial)
}

// promises are all of them, in the order in which a store's author would want them kept.
func promises() []promise {
	return slices.Concat(
		chargePromises, levelPromises, bucketPromises, planPromises, windowPromises, latePromises, setPromises,
		subjectPromises, callPromises, ownPromises, peekPromises, onePromises, racePromises, randomPromises,
	)
}

func (h *Harness) bubble(t *testing.T, f func(t *testing.T)) {
	if h.Bubble == nil {
		f(t)
		return
	}
	h.Bubble(t, f)
}

// failure is how a case ends at its first surprise. It is an error rather than a failed
// test, so that the suite can be tried on counters that must fail it.
type failure struct{ error }

// try tells how a fresh counter breaks p; nil if it keeps it.
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
