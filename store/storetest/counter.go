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
// Each case is one sentence of the contract and the steps that check it. A failure names
// the case and prints the sentence, the step, and each field that differs. The cases
// begin with the simplest, so mend the first failure first. If the store panics, the case
// fails with the stack, and the other cases still run. The suite is itself tested on
// counters that break one promise each, and catches them all.
//
// Caution: a counter that wraps another must embed the interface [store.Counter], never
// the type of a store. Otherwise the suite tests the TakeOne, TakeList, Peek and Local of
// the inner store, which bypass the wrapper's Take.
//
// The example of this package is a whole Counter on a map, with which a store for another
// database can begin.
//
// [Always], [Never] and [Faulty] return counters for testing code that calls one.
package storetest

import (
	"errors"
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

	// Leases says that the counter takes tokens of a bucket before they are spent, as
	// package lease does. The bucket refills meanwhile, so more may be admitted for a while.
	// Random histories then have no buckets that refill while they last. With Slack, they do
	// not ask when units were last taken either: their own clock passes hours in no time,
	// and the counter notes the time of a charge a moment later.
	Leases bool

	// Reopen closes the last counter that New made, or that Reopen returned, and opens its
	// storage again, as a restart of the process does. Set it for a store that outlives the
	// process. If nil, the cases that need it are skipped, as with Peer and Full.
	Reopen func(t testing.TB) store.Counter

	// Peer opens a second counter over the storage of the last counter that New made, as a
	// second process does, and leaves the first one open. Set it for a store that several
	// processes share.
	Peer func(t testing.TB) store.Counter

	// Full makes a fresh, empty counter that has room for 1 to 100 subjects. Set it for a
	// store that can return store.ErrFull.
	Full func(t testing.TB) store.Counter

	panicked bool // in a case that has ended
}

// TestCounter checks the counters that h makes against every promise of [store.Counter],
// with one subtest each.
func TestCounter(t *testing.T, h Harness) {
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) {
			if lacking := h.lacks(p); lacking != "" {
				t.Skip(lacking)
			}
			h.bubble(t, func(t *testing.T) {
				if report(t, p.name, p.says, h.try(t, p)) {
					h.panicked = true
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
	needs   need // what the harness must have
	story   []step
	test    func(t *trial)
}

// promises returns all cases, in the order in which the author of a store will want to
// fix them.
func promises() []promise {
	return slices.Concat(
		chargePromises, levelPromises, bucketPromises, planPromises, windowPromises, latePromises, setPromises,
		subjectPromises, callPromises, ownPromises, peekPromises, onePromises, listPromises, racePromises, randomPromises,
		extremePromises, aheadPromises, statePromises, stalePromises, ctxPromises, queuePromises, overlapPromises,
		setRacePromises, durablePromises, peerPromises, fullPromises, partPromises, softPromises, lastPromises, movePromises, moveEdgePromises,
		partRacePromises, partBesidePromises, partFullPromises, partDurablePromises, partPeerPromises, partRandomPromises,
		dumpPromises, restorePromises,
	)
}

// need is a field of a Harness without which a case is skipped.
type need string

const (
	nothing need = ""
	reopens need = "Reopen"
	peers   need = "Peer"
	isFull  need = "Full"
)

// lacks returns why the harness cannot run p, or "".
func (h *Harness) lacks(p promise) string {
	has := map[need]bool{nothing: true, reopens: h.Reopen != nil, peers: h.Peer != nil, isFull: h.Full != nil}
	switch {
	case !has[p.needs]:
		return fmt.Sprintf("needs Harness.%s", p.needs)
	case p.refills && h.Slack > 0:
		return "needs buckets whose clock the test can move: Harness.Bubble or Harness.Advance"
	default:
		return ""
	}
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

// try returns how a fresh counter breaks p. It returns nil if the counter keeps p, or if
// h lacks what p needs.
func (h *Harness) try(tb testing.TB, p promise) error {
	if h.lacks(p) != "" {
		return nil
	}
	t := &trial{Harness: h, tb: tb, ctx: tb.Context()}
	err := caught(func() error {
		if p.needs == isFull {
			t.c = h.Full(tb)
		} else {
			t.c = h.New(tb)
		}
		if p.needs == peers {
			t.peer = h.Peer(tb)
		}
		t.began = time.Now()
		if t.base = t.began.Truncate(time.Second); t.base.Before(t.began) {
			t.base = t.base.Add(time.Second)
		}
		if t.Bubble != nil { // the store's clock is that of the case, whatever the time is
			time.Sleep(t.base.Sub(t.began))
			t.began = t.base
		}
		t.play(p.story...)
		if p.test != nil {
			p.test(t)
		}
		return nil
	})
	if c := t.asked.Load(); c != nil && errors.As(err, new(panicked)) {
		return fmt.Errorf("%s: %w", t.where(c), err)
	}
	return err
}

func (t *trial) failf(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

func (t *trial) skipf(format string, args ...any) {
	panic(failure{skipped{fmt.Errorf(format, args...)}})
}
