package lease_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// subject is whom the histories charge.
const subject = "acme>search"

// life is the Config.Life of the histories.
const life = time.Second

// A peer is one process of a history. After a crash it has another counter and ledger.
type peer struct {
	counter *lease.Counter
	ledger  *ledger
}

// A history is a random series of charges, faults and pauses.
type history struct {
	*trace
	rnd    *rand.Rand
	config lease.Config
	mood   mood
}

// A mood says what goes wrong in a history, beside calls that certainly fail.
type mood string

const (
	gentle mood = "gentle" // nothing
	lossy  mood = "lossy"  // the answers of settlements are lost, so in the end nothing is
	harsh  mood = "harsh"  // the answers of all calls are, and processes crash
)

// newHistory starts processes over one store in memory.
func newHistory(t *testing.T, seed uint64, m mood) *history {
	began := time.Now().Truncate(windowLength)
	rnd := rand.New(rand.NewPCG(seed, 1))
	limits := [][]int16{{200, 120, 300}, {1000}, {40, 10, 60}, {17, 500}}[rnd.IntN(4)]
	h := &history{
		trace: &trace{
			t: t, began: began, inner: memory.New(memory.Config{}), rules: rules{limits: limits},
			windows: make([]windowTally, 1),
		},
		rnd: rnd, mood: m,
		config: lease.Config{Life: life, Units: []int64{0, 3, 50}[rnd.IntN(3)], Timeout: time.Second},
	}
	h.tick()
	for i := range h.peers {
		h.launch(i)
	}
	return h
}

// launch starts a process.
func (h *history) launch(i int) {
	l := &ledger{trace: h.trace, process: i, rnd: rand.New(rand.NewPCG(h.rnd.Uint64(), 2)), answered: time.Now()}
	counter, err := lease.New(l, h.config)
	require.NoError(h.t, err)
	h.peers[i] = &peer{counter, l}
}

// take charges n units by a process, as a caller does, and makes the steps that follow.
func (h *history) take(ctx context.Context, i int, n int64) {
	h.mu.Lock()
	h.tick()
	p := h.peers[i]
	h.outlived(p.ledger)
	at := time.Now()
	window := h.window(at)
	c := store.NewCharge(subject, n, h.meters(h.machine.processes[i].plan, window)...)
	c.At = at
	h.mu.Unlock()

	err := p.counter.Take(ctx, c)

	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	switch {
	case p.ledger.dead:
	case err != nil && !errors.Is(err, store.ErrNotTaken):
		h.windows[window].dropped += n
	case err != nil:
	case c.OK:
		h.windows[window].spent += n
		if window == h.machine.window {
			h.step(spends, i, n)
		}
	case window == h.machine.window:
		h.refused(p.ledger, n)
	}
}

// outlived expires the units of a process that has heard no answer of the store for too
// long.
func (h *history) outlived(l *ledger) {
	out := h.machine.processes[l.process].out
	if out > 0 && time.Since(l.answered) > life {
		h.step(expires, l.process, int64(out))
	}
}

// refused checks a refusal of n units: the store has refused as many within a second,
// and the process has heard of nothing since that makes room.
func (h *history) refused(l *ledger, n int64) {
	for _, r := range l.refusals {
		if r.n <= n && time.Since(r.at) <= time.Second {
			return
		}
	}
	h.failf("process %d refuses %d units: the store has refused %v", l.process, n, l.refusals)
}

// refund gives units back that callers were admitted in the present window.
func (h *history) refund(i int, n int64) {
	h.mu.Lock()
	h.tick()
	p := h.peers[i]
	window := h.machine.window
	if n = min(n, int64(h.machine.spent)); n == 0 || h.machine.processes[i].cut {
		h.mu.Unlock()
		return
	}
	faults := p.ledger.faults
	p.ledger.faults, p.ledger.refusals = 0, nil
	h.windows[window].spent -= n
	h.step(refunds, i, n)
	c := store.NewCharge(subject, -n, h.meters(h.machine.processes[i].plan, window)...)
	c.At = time.Now()
	h.mu.Unlock()

	err := p.counter.Take(h.t.Context(), c)

	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil || !c.OK {
		h.failf("a refund: OK %t, error %v", c.OK, err)
	}
	p.ledger.faults = faults
}

// extend makes n units what remains of the present window, for everybody.
func (h *history) extend(i int, n int64) {
	h.calm(i)
	h.mu.Lock()
	h.tick()
	p := h.peers[i]
	c := store.NewCharge(subject, n, h.meters(h.machine.processes[i].plan, h.machine.window)...)
	c.Op, c.At = store.SetRemaining, time.Now()
	p.ledger.refusals = nil
	h.mu.Unlock()

	err := p.counter.Take(h.t.Context(), c)

	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil || !c.OK || c.Parts[0].Levels[0].Remaining() != n {
		h.failf("SetRemaining(%d): OK %t, error %v, level %+v", n, c.OK, err, c.Parts[0].Levels[0])
	}
}

// crash ends a process without giving back, and starts it again.
func (h *history) crash(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	h.peers[i].ledger.dead, h.harmed = true, true
	h.step(crashes, i, 0)
	h.launch(i)
}

// restart closes a process, and starts it again. Everything that it holds comes back, if
// it reaches the store.
func (h *history) restart(i int) {
	h.calm(i)
	l := h.peers[i].ledger
	err := h.peers[i].counter.Close(h.t.Context())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	p := h.machine.processes[i]
	if err != nil {
		h.failf("Close: %v", err)
	}
	if left := p.out + p.kept; left > 0 && p.window == h.machine.window && !h.harmed {
		h.failf("process %d has %d units after Close", i, left)
	}
	l.dead = true
	h.step(crashes, i, 0)
	h.launch(i)
}

// calm lets a process reach the store without faults.
func (h *history) calm(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.machine.processes[i].cut {
		h.step(connects, i, 0)
	}
	h.peers[i].ledger.faults, h.peers[i].ledger.slowest = 0, 0
}

// disturb changes how often the store fails for a process, and how slow it is.
func (h *history) disturb(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.peers[i].ledger
	l.mood = h.mood
	l.faults = []float64{0, 0, 0.1, 0.5}[h.rnd.IntN(4)]
	l.slowest = []time.Duration{0, 0, 3 * time.Millisecond, 80 * time.Millisecond}[h.rnd.IntN(4)]
}

// reconnect cuts a process off, or connects it again.
func (h *history) reconnect(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.machine.processes[i].cut {
		h.step(connects, i, 0)
	} else {
		h.step(disconnects, i, 0)
	}
}

// replan changes the limit, or has a process hear of the change.
func (h *history) replan(i int) {
	m := h.state()
	if m.processes[i].plan != m.plan {
		h.hear(i)
		return
	}
	if int(m.plan)+1 < len(h.rules.limits) && h.rnd.IntN(4) == 0 {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.step(changesPlan, 0, 0)
	}
}

// hear has a process make its first charge by the present plan. There is no settlement
// under way, which would be by the old plan.
func (h *history) hear(i int) {
	h.mu.Lock()
	h.peers[i].ledger.slowest = 0
	h.mu.Unlock()
	time.Sleep(200 * time.Millisecond)
	synctest.Wait()
	h.mu.Lock()
	h.step(hears, i, 0)
	h.peers[i].ledger.refusals = nil
	h.mu.Unlock()
	h.take(h.t.Context(), i, 1)
}

// rush has some processes charge at once, several callers each. One of them may crash
// meanwhile.
func (h *history) rush() {
	var wg sync.WaitGroup
	for i := range h.peers {
		for range h.rnd.IntN(3) {
			rnd := rand.New(rand.NewPCG(h.rnd.Uint64(), 3))
			wg.Go(func() { h.charge(rnd, i) })
		}
	}
	if h.mood == harsh && h.rnd.IntN(4) == 0 {
		i, after := h.rnd.IntN(len(h.peers)), time.Duration(h.rnd.Int64N(int64(20*time.Millisecond)))
		wg.Go(func() {
			time.Sleep(after)
			h.crash(i)
		})
	}
	wg.Wait()
}

// charge makes some charges by one process, close after one another.
func (h *history) charge(rnd *rand.Rand, i int) {
	largest := []int64{1, 1, 4}[rnd.IntN(3)]
	pause := []time.Duration{1, time.Millisecond, 10 * time.Millisecond}[rnd.IntN(3)]
	for range rnd.IntN(40) {
		ctx, cancel := context.WithTimeout(h.t.Context(), []time.Duration{20 * time.Millisecond, time.Second}[rnd.IntN(2)])
		h.take(ctx, i, 1+rnd.Int64N(largest))
		cancel()
		time.Sleep(time.Duration(rnd.Int64N(int64(pause))))
	}
}

// rest lets time pass. If it is long, idle leases come back meanwhile.
func (h *history) rest() {
	d := []time.Duration{5 * time.Millisecond, 100 * time.Millisecond, life, 3 * life}[h.rnd.IntN(4)]
	time.Sleep(d)
}

// idle lets all processes reach the store, and checks that everything comes back while
// they are idle.
func (h *history) idle() {
	for i := range h.peers {
		h.calm(i)
	}
	time.Sleep(3 * life)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	for i, p := range h.machine.processes {
		if left := p.out + p.kept; left > 0 && p.window == h.machine.window && !h.harmed {
			h.failf("process %d has %d units after %v without charges", i, left, 3*life)
		}
	}
}
