package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ration-go/ration/store"
)

// step is one charge of a story with its expected answer, or time that passes. The
// seconds of its windows count from the beginning of the story.
type step struct {
	by  string // the subject; empty means "somebody"
	on  []store.Meter
	n   []int64
	set bool

	more []step // further parts of the same charge

	ok              bool
	used, allowance []int64 // a nil allowance means the Max of each meter
	wait, reset     []time.Duration
	taken           []int64 // each Last; nil means any

	later time.Duration
	askew *time.Duration

	reopen    bool
	elsewhere bool // at the second counter of the storage
}

// These functions make steps. take takes n of every meter, give gives n back, read only
// reads, and set makes n what remains. each and setEach have one n for each meter; of
// adds the meters, as the subject. there makes the charge at a second counter.
func take(n int64, on ...store.Meter) step { return step{on: on, n: repeat(n, len(on))} }
func give(n int64, on ...store.Meter) step { return take(-n, on...) }
func read(on ...store.Meter) step          { return take(0, on...) }
func set(n int64, on ...store.Meter) step  { return step{on: on, n: repeat(n, len(on)), set: true} }
func each(n ...int64) step                 { return step{n: n} }
func repeat(n int64, times int) []int64    { return slices.Repeat([]int64{n}, times) }
func setEach(n ...int64) step              { s := each(n...); s.set = true; return s }
func (s step) of(on ...store.Meter) step   { s.on = on; return s }
func (s step) as(subject string) step      { s.by = subject; return s }
func (s step) there() step                 { s.elsewhere = true; return s }

// and adds a part to a charge, with the answer that is expected of it. Whether the charge
// is admitted is said by the first part alone.
func (s step) and(part step) step {
	s.more = append(slices.Clip(s.more), part)
	return s
}

// These methods add the expected answer. yes expects that the charge is admitted and no
// that it is refused, with the Used of each meter. outof expects each Max, where it is
// not the meter's own. waits, resets and lasts expect each Wait, Reset and Last.
func (s step) yes(used ...int64) step         { s.ok, s.used = true, used; return s }
func (s step) no(used ...int64) step          { s.used = used; return s }
func (s step) outof(most ...int64) step       { s.allowance = most; return s }
func (s step) waits(d ...time.Duration) step  { s.wait = d; return s }
func (s step) resets(d ...time.Duration) step { s.reset = d; return s }
func (s step) lasts(spans ...int64) step      { s.taken = spans; return s }

// later lets time pass for windows and buckets. askew sets how far the caller's clock is
// off from then on.
func later(d time.Duration) step { return step{later: d} }
func askew(d time.Duration) step { return step{askew: &d} }

// reopen closes the counter and opens its storage again.
func reopen() step { return step{reopen: true} }

const (
	us  = time.Microsecond
	day = 24 * time.Hour
)

var (
	perDay    = store.Rate{Tokens: 1, Per: 86_400_000_000}
	perHour   = store.Rate{Tokens: 1, Per: 3_600_000_000}
	perSecond = store.Rate{Tokens: 1, Per: 1_000_000}
	sevenths  = store.Rate{Tokens: 7, Per: 1_000_000}
)

// bucket, daily and use make the meters of most stories. daily and use are windows of the
// i-th day.
func bucket(name string, most int64, rate store.Rate) store.Meter {
	return store.Meter{Name: name, Max: most, Rate: rate}
}

func window(name string, most int64, from, to time.Duration) store.Meter {
	return store.Meter{Name: name, Max: most, Start: int64(from / time.Second), End: int64(to / time.Second), Keep: 2 * day}
}

func daily(i, most int64) store.Meter {
	return window("day", most, time.Duration(i)*day, time.Duration(i+1)*day)
}

func use(i int64) store.Meter {
	m := daily(i, store.Unlimited)
	m.Name = "use"
	return m
}

// trial is one case running on one counter.
type trial struct {
	*Harness
	tb    testing.TB
	ctx   context.Context
	c     store.Counter
	peer  store.Counter // the second counter of the storage
	began time.Time
	base  time.Time     // when the story begins, a whole second
	now   time.Duration // the time that has passed in the story

	// For messages: the number of steps that were played, and the latest charge. Several
	// goroutines may play.
	steps atomic.Int64
	asked atomic.Pointer[store.Charge]
	skew  time.Duration
}

// at returns the caller's clock.
func (t *trial) at() time.Time { return t.base.Add(t.now + t.skew) }

// later lets d pass. If the test cannot move the clock of buckets, d passes for windows
// only.
func (t *trial) later(d time.Duration) {
	t.now += d
	switch {
	case t.Advance != nil:
		t.Advance(d)
	case t.Bubble != nil:
		time.Sleep(d)
	}
}

// pause lets d pass for buckets, whichever clock they use.
func (t *trial) pause(d time.Duration) {
	if t.Slack > 0 {
		time.Sleep(d)
	}
	t.later(d)
}

// elapsed returns how long the case has lasted on the clock of buckets.
func (t *trial) elapsed() time.Duration {
	if t.Slack > 0 {
		return time.Since(t.began)
	}
	return t.now
}

// meters returns the meters of a story at their real instants.
func (t *trial) meters(on ...store.Meter) []store.Meter {
	on = slices.Clone(on)
	for i := range on {
		if on[i].IsWindow() {
			on[i].Start += t.base.Unix()
			on[i].End += t.base.Unix()
		}
	}
	return on
}

// charge returns the charge of a step, without making it.
func (t *trial) charge(s step) *store.Charge {
	c := &store.Charge{Op: opOf(s.set), At: t.at()}
	for _, s := range s.parts() {
		p := store.NewPart(cmp.Or(s.by, "somebody"), 0, t.meters(s.on...)...)
		copy(p.N, s.n)
		if s.taken != nil {
			p.Last = slices.Repeat([]int64{-1}, len(p.Meters)) // which no store may leave there
		}
		c.Parts = append(c.Parts, p)
	}
	t.asked.Store(c)
	return c
}

// parts returns a step for each part of the charge.
func (s *step) parts() []step { return append([]step{*s}, s.more...) }

// take makes a charge that must not fail.
func (t *trial) take(c *store.Charge) *store.Charge { return t.takeFrom(t.c, c) }

func (t *trial) takeFrom(counter store.Counter, c *store.Charge) *store.Charge {
	t.asked.Store(c)
	if err := counter.Take(t.ctx, c); err != nil {
		t.failf("%s: Take returned the error %q, want none", t.where(c), err)
	}
	return c
}

// play makes the charges of a story, up to the first failure.
func (t *trial) play(story ...step) {
	for _, s := range story {
		t.steps.Add(1)
		switch {
		case s.later != 0:
			t.later(s.later)
		case s.askew != nil:
			t.skew = *s.askew
		case s.reopen:
			t.c = t.Reopen(t.tb)
		case s.elsewhere:
			if c, wrong := t.answer(t.peer, s); wrong != "" {
				t.failf("%s, at the second counter:%s", t.where(c), wrong)
			}
		default:
			if c, wrong := t.answer(t.c, s); wrong != "" {
				t.failf("%s:%s", t.where(c), wrong)
			}
		}
	}
}

// answer makes the charge of a step, and returns how its answer is wrong.
func (t *trial) answer(counter store.Counter, s step) (c *store.Charge, wrong string) {
	c = t.takeFrom(counter, t.charge(s))
	return c, t.compare(&s, c)
}

// where names the present step.
func (t *trial) where(c *store.Charge) string {
	return fmt.Sprintf("step %d, %v into the case: %s", t.steps.Load(), t.now, about(c))
}

// compare returns how an answer differs from the expected one, or "". Windows must be
// right to the microsecond, since they use the caller's clock.
func (t *trial) compare(s *step, c *store.Charge) string {
	var longest time.Duration
	var want []store.Level
	for p, part := range s.parts() {
		for i := range c.Parts[p].Meters {
			m, got := &c.Parts[p].Meters[i], c.Parts[p].Levels[i]
			want = append(want, part.level(i, m, got, s.ok, c.At))
			longest = max(longest, got.Wait)
		}
	}
	wrong := t.differences(c, s.ok, want) + s.lastDifferences(c)
	if wrong == "" && !s.ok && longest == 0 {
		return "\n\tthe charge was refused, but no level has a Wait"
	}
	return wrong
}

// lastDifferences returns how the Last of windows differs from the expected one.
func (s *step) lastDifferences(c *store.Charge) (wrong string) {
	for p, part := range s.parts() {
		for i := range part.taken {
			if got := c.Parts[p].Last[i]; got != part.taken[i] {
				wrong += fmt.Sprintf("\n\tParts[%d].Last[%d], %s: %d, want %d", p, i, nameOf(&c.Parts[p].Meters[i]), got, part.taken[i])
			}
		}
	}
	return wrong
}

// level returns the expected level of the i-th meter. What the step does not say is as in
// got.
func (s *step) level(i int, m *store.Meter, got store.Level, ok bool, at time.Time) store.Level {
	want := store.Level{Max: m.Max, Used: s.used[i], Wait: got.Wait, Reset: got.Reset}
	if s.allowance != nil {
		want.Max = s.allowance[i]
	}
	switch {
	case s.wait != nil:
		want.Wait = s.wait[i]
	case ok:
		want.Wait = 0
	}
	switch {
	case s.reset != nil:
		want.Reset = s.reset[i]
	case m.IsWindow():
		want.Reset = max(0, time.Unix(m.End, 0).Sub(at))
	}
	return want
}

// same compares two levels of m. Durations of buckets may differ by slack.
func same(m *store.Meter, a, b store.Level, slack time.Duration) bool {
	return a.Max == b.Max && a.Used == b.Used && near(m, a.Wait, b.Wait, slack) && near(m, a.Reset, b.Reset, slack)
}

// near compares two durations of m.
func near(m *store.Meter, a, b, slack time.Duration) bool {
	return a == b || !m.IsWindow() && a != store.Never && b != store.Never && (a-b).Abs() <= slack
}
