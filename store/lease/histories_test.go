package lease_test

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/store"
)

// act does one thing at random.
func (h *history) act() {
	i := h.rnd.IntN(len(h.peers))
	switch h.rnd.IntN(13) {
	case 0:
		h.disturb(i)
	case 1:
		h.reconnect(i)
	case 2, 3:
		h.replan(i)
	case 4:
		h.refund(i, 1+h.rnd.Int64N(5))
	case 5:
		h.restart(i)
	case 6:
		h.rest()
	case 7:
		h.idle()
	case 8:
		h.extend(i, h.rnd.Int64N(100))
	default:
		h.rush()
	}
}

// finish has every process give back, uses up what remains, and checks all windows.
func (h *history) finish() {
	time.Sleep(windowLength - time.Since(h.began)%windowLength) // with a whole window left
	h.rush()
	h.idle()
	for i := range h.peers {
		for m := h.state(); m.processes[i].plan != m.plan; m = h.state() {
			h.replan(i)
		}
	}
	h.useUp()
	for i := range h.peers {
		if err := h.peers[i].counter.Close(h.t.Context()); err != nil {
			h.failf("Close: %v", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, w := range h.windows {
		h.closed(int16(i), w)
	}
}

// useUp charges until nothing remains, apart from what is lost.
func (h *history) useUp() {
	for i := range h.peers {
		for before := int16(-1); before != h.state().spent; {
			before = h.state().spent
			h.take(h.t.Context(), i, 1)
		}
		time.Sleep(life + 200*time.Millisecond) // no refusal is remembered so long
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	last := h.windows[h.machine.window]
	if left := int64(h.rules.limit(h.machine, h.machine.plan)) - last.spent - int64(h.machine.lost) - last.dropped; left > 0 {
		h.failf("%d units cannot be used up, in the state %+v", left, h.machine)
	}
}

// closed checks a window after every Counter was closed: the store counts what callers
// spent, unless something was lost, and nothing is leased.
func (h *history) closed(window int16, w windowTally) {
	quota, record := h.counted(window)
	if quota < w.spent || !h.harmed && (quota != w.spent || record != w.spent) {
		h.failf("window %d: %d used, %d recorded: %d were spent", window, quota, record, w.spent)
	}
	if leased := h.leased(window); leased != 0 && !h.harmed {
		h.failf("window %d: %d units count as leased after Close", window, leased)
	}
}

// leased returns how much of a window's quota the store counts as leased.
func (h *history) leased(window int16) int64 {
	of, _ := store.LeasedSubject(subject)
	day := h.meters(0, window)[0]
	day.Max = store.Unlimited
	c := store.NewCharge(of, 0, day)
	if err := h.inner.Take(h.t.Context(), c); err != nil {
		h.failf("%v", err)
	}
	return c.Parts[0].Levels[0].Used
}

// TestHistories has three real Counters over one store live through long random
// histories: bursts, refunds, slow and failing calls, crashes, restarts, partitions,
// windows that end, and plans that change. Every call of the store and every admission is
// a step of the machine of TestMachine. So at every moment the units spent and
// outstanding are at most the limit, and are what the store counts.
//
// Beside that, a lease ends when the store has not answered for its Life. A refusal is at
// most a second older than one of the store. Idle and closed Counters give everything
// back, and in the end the quota is used up.
func TestHistories(t *testing.T) {
	t.Parallel()
	seeds, acts := 30, 100
	switch {
	case testing.Short():
		seeds = 10
	case os.Getenv(manyRounds) != "":
		seeds, acts = 150, 300
	case longtest.Enabled():
		seeds, acts = 50, 200
	}
	for _, m := range []mood{gentle, lossy, harsh} {
		t.Run(string(m), func(t *testing.T) {
			steps, spent := 0, int64(0)
			for seed := range seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := newHistory(t, uint64(seed), m)
						for range acts {
							if h.act(); t.Failed() {
								time.Sleep(time.Minute) // calls may be under way
								return
							}
						}
						h.finish()
						synctest.Wait()
						steps += h.steps
						for _, w := range h.windows {
							spent += w.spent
						}
					})
				})
				if t.Failed() {
					break
				}
			}
			t.Logf("%d histories, %d steps, %d units admitted", seeds, steps, spent)
			require.Positive(t, spent)
		})
	}
}
