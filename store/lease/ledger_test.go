package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// A trace follows real Counters by a machine. Every call of the store and every admission
// is a step of the machine, and a step that the rules do not allow fails the test.
type trace struct {
	t     *testing.T
	began time.Time

	mu      sync.Mutex
	inner   *memory.Store
	rules   rules
	machine machine
	windows []windowTally
	peers   [maxProcesses]*peer
	steps   int
	last    []string // the last steps, for a failure
	harmed  bool     // units were lost: not everything can come back
}

// A windowTally has what callers were admitted in a window.
type windowTally struct {
	spent   int64
	dropped int64 // units of calls that failed with an unknown outcome
}

// windowLength is the length of the quota's windows.
const windowLength = 20 * time.Second

// window returns the number of the window in which an instant is.
func (tr *trace) window(at time.Time) int16 { return int16(at.Sub(tr.began) / windowLength) }

// meters returns the quota of a plan and the usage record in a window.
func (tr *trace) meters(plan, window int16) []store.Meter {
	start := tr.began.Unix() + int64(window)*int64(windowLength/time.Second)
	day := store.Meter{
		Name: "day", Max: int64(tr.rules.limits[plan]), Start: start,
		End: start + int64(windowLength/time.Second), Keep: time.Hour,
	}
	record := day
	record.Name, record.Max = "use", store.Unlimited
	return []store.Meter{day, record}
}

// state returns the present state of the machine.
func (tr *trace) state() machine {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.machine
}

// step makes a step of the machine, and checks the state that follows.
func (tr *trace) step(a action, p int, n int64) {
	next, err := tr.rules.next(tr.machine, step{a, p, int16(n)})
	if err != nil {
		tr.failf("%s by process %d of %d units: %v, in the state %+v", actionNames[a], p, n, err, tr.machine)
		return
	}
	tr.machine = next
	tr.steps++
	tr.last = append(tr.last[max(0, len(tr.last)-29):], fmt.Sprintf("%v %v", time.Since(tr.began), step{a, p, int16(n)}))
	if err := tr.rules.fault(next); err != nil {
		tr.failf("after %s by process %d of %d units: %v", actionNames[a], p, n, err)
	}
}

func (tr *trace) failf(format string, args ...any) {
	tr.t.Helper()
	if !tr.t.Failed() {
		assert.Fail(tr.t, fmt.Sprintf(format, args...), "at %v, after\n%s", time.Since(tr.began), strings.Join(tr.last, "\n"))
	}
}

// tick ends the windows that are over.
func (tr *trace) tick() {
	for tr.machine.window < tr.window(time.Now()) {
		tr.step(endsWindow, 0, 0)
		tr.windows = append(tr.windows, windowTally{})
	}
}

// A fate is what happens to a call of the store.
type fate int

const (
	succeeds    fate = iota
	isNotTaken       // fails before the charge, and says so
	losesCall        // fails before the charge, and does not say so
	losesAnswer      // fails after the charge
	comesLate        // fails before the charge, which is made later
)

var (
	errUnknown = errors.New("the outcome is unknown")
	errCut     = fmt.Errorf("%w: no connection", store.ErrNotTaken)
)

// A ledger is the store as one process sees it, in a bubble of testing/synctest. It fails
// and is slow at random, and tells the trace of every call.
type ledger struct {
	*trace
	process int

	// under trace.mu
	dead     bool // the process has crashed
	rnd      *rand.Rand
	faults   float64 // the share of calls that fail
	mood     mood
	slowest  time.Duration
	answered time.Time // the last answer of the store
	refusals []refusal // by the store, that the process may remember
	doubts   int       // how many settlements of unknown outcome there were
}

// A refusal is the answer of the store to a charge of n units.
type refusal struct {
	at time.Time
	n  int64
}

// Take implements store.Counter.
func (l *ledger) Take(ctx context.Context, c *store.Charge) error {
	before, after, f := l.draw(c)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < before {
		time.Sleep(time.Until(deadline))
		return fmt.Errorf("%w: %w", store.ErrNotTaken, context.DeadlineExceeded)
	}
	time.Sleep(before)
	mayLose := l.mood != lossy || markOf(c) != nil // otherwise it waits for the answer
	if deadline, ok := ctx.Deadline(); ok && f == succeeds && mayLose && time.Until(deadline) < after {
		f = losesAnswer
	}
	err := l.decide(ctx, c, f)
	time.Sleep(after)
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.answered = time.Now()
		if !c.OK {
			l.refusals = append(l.refusals, refusal{time.Now(), l.units(c)})
		}
	}
	return err
}

// draw returns how long a call takes before and after the charge, and what becomes of it.
func (l *ledger) draw(c *store.Charge) (before, after time.Duration, f fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return 0, 0, isNotTaken
	}
	if l.slowest > 0 {
		before, after = time.Duration(l.rnd.Int64N(int64(l.slowest))), time.Duration(l.rnd.Int64N(int64(l.slowest)))
	}
	if l.rnd.Float64() >= l.faults {
		return before, after, succeeds
	}
	if l.mood != harsh && !(l.mood == lossy && markOf(c) != nil) {
		return before, after, isNotTaken
	}
	return before, after, isNotTaken + fate(l.rnd.IntN(4))
}

// decide makes the charge and the steps of the machine at once.
func (l *ledger) decide(ctx context.Context, c *store.Charge, f fate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tick()
	if l.dead || l.machine.processes[l.process].cut {
		f = isNotTaken
	}
	if c.Op == store.SetRemaining {
		l.step(extends, l.process, c.Parts[0].N[0])
		return l.inner.Take(ctx, c)
	}
	if f == comesLate && !isSettlement(c) {
		f = losesCall // to come late is to come first, and then to lose the answer
	}
	if isQuestion(c) {
		return l.question(ctx, c, f)
	}
	n := l.units(c)
	if !l.dead {
		l.begin(n)
	}
	var err error
	if f == succeeds || f == losesAnswer {
		if err = l.inner.Take(ctx, c); err == nil && !l.dead {
			l.applied(n, c)
		}
	}
	if err != nil {
		f = isNotTaken
	}
	if !l.dead {
		l.end(n, f, c)
	}
	switch {
	case err != nil:
		return err
	case f == succeeds:
		l.answered = time.Now() // and once more when the answer has arrived
		return nil
	case f == isNotTaken:
		return errCut
	}
	l.harmed = l.harmed || !isSettlement(c)
	return errUnknown
}

// units returns how many units of the present window's quota c takes.
func (l *ledger) units(c *store.Charge) (n int64) {
	for _, p := range c.Parts {
		if p.Subject != subject {
			continue
		}
		for i, m := range p.Meters {
			if m.Name == "day" && l.window(time.Unix(m.Start, 0)) == l.machine.window {
				n += p.N[i]
				if plan := l.rules.limits[l.machine.processes[l.process].plan]; p.N[i] > 0 && m.Max != int64(plan) && !l.dead {
					l.failf("process %d asks for units by the limit %d: it charges by %d", l.process, m.Max, plan)
				}
			}
		}
	}
	return n
}

// begin makes the steps at the start of a call that takes n units.
func (l *ledger) begin(n int64) {
	switch {
	case n > 0:
		l.step(asks, l.process, n)
	case n < 0:
		l.step(givesBack, l.process, -n)
	}
}

// applied makes the step of the store, which must decide as the machine does.
func (l *ledger) applied(n int64, c *store.Charge) {
	if n == 0 {
		return
	}
	l.step(applies, l.process, 0)
	granted := l.machine.processes[l.process].call.applied
	if granted != c.OK {
		l.failf("the store decided %t about %d units: want %t, in the state %+v: %+v", c.OK, n, granted, l.machine, c.Parts)
	}
	if used := l.usedIn(l.machine.window); used != int64(l.machine.used) {
		l.failf("the store counts %d used: want %d", used, l.machine.used)
	}
}

// end makes the step of the process that hears of the outcome.
func (l *ledger) end(n int64, f fate, c *store.Charge) {
	if n == 0 || l.machine.processes[l.process].call.kind == idle {
		if f == comesLate {
			l.arriveLate(c, 0)
		}
		return
	}
	switch {
	case f == succeeds:
		l.step(answers, l.process, 0)
	case f == isNotTaken:
		l.step(fails, l.process, 0)
	case !isSettlement(c):
		l.step(losesTrack, l.process, 0)
	default:
		l.step(doubts, l.process, 0)
		if l.doubts++; f == comesLate {
			l.arriveLate(c, l.doubts)
		}
	}
}

// usedIn returns what the store counts of the quota in a window.
func (tr *trace) usedIn(window int16) int64 {
	quota, _ := tr.counted(window)
	return quota
}

// counted returns what the store counts of the quota and of the record in a window.
func (tr *trace) counted(window int16) (quota, record int64) {
	c := store.NewCharge(subject, 0, tr.meters(tr.machine.plan, window)...)
	if err := tr.inner.Take(context.Background(), c); err != nil {
		tr.failf("%v", err)
	}
	return c.Parts[0].Levels[0].Used, c.Parts[0].Levels[1].Used
}
