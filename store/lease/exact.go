package lease

import (
	"context"
	"slices"

	"github.com/ration-go/ration/store"
)

// exact lets the inner Counter decide c, together with a settlement if settle is set. It
// reports false if c was refused and has to be tried again, because units were on their
// way between the inner Counter and this one.
func (l *Counter) exact(ctx context.Context, c *store.Charge, set *payers, settle bool) (done bool, err error) {
	if settle {
		return l.recall(ctx, c, set, false)
	}
	err = l.ask(ctx, c, set)
	do := l.judge(c, set, err)
	set.unlock()
	switch do {
	case again:
		return false, nil
	case recall:
		return l.recall(ctx, c, set, true)
	}
	return true, err
}

// ask has the inner Counter decide c, for which start was called. It returns with the
// locks held.
func (l *Counter) ask(ctx context.Context, c *store.Charge, set *payers) (err error) {
	err = errPanicked
	panicked := true
	defer func() {
		if !set.held {
			l.warm(c, set)
		}
		set.lock()
		l.endAll(set, c, err)
		if panicked {
			set.unlock()
		}
	}()
	err = set.send(ctx, l.inner, c)
	panicked = false
	return err
}

// send asks the inner Counter, by c or by the copy of c that settles more.
func (s *payers) send(ctx context.Context, inner store.Counter, c *store.Charge) error {
	if s.sent == nil {
		return inner.Take(ctx, c)
	}
	err := inner.Take(ctx, s.sent)
	c.OK = s.sent.OK
	for p := range c.Parts {
		c.Parts[p].Place = s.sent.Parts[p].Place
	}
	return err
}

// beginCall counts c among the charges of its accounts that are under way. It reports
// whether c must be decided together with a settlement instead. The locks are held.
func (l *Counter) beginCall(s *payers, c *store.Charge, t instant) (settle bool) {
	if s.forces(c) {
		return true
	}
	s.sent = nil
	if refunds(c) {
		s.settlePartOf(c, t)
	}
	s.start(c, t.bucket, len(s.rows) > 0)
	for p, a := range s.of {
		if a == nil {
			continue
		}
		if c.Parts[p].Levels == nil {
			s.copyOf(c) // without levels the account would learn nothing
		}
		a.calls++
		a.begun++
		s.flights[p].number = a.begun
		if s.waits {
			a.inFlight++
		}
	}
	return false
}

// refunds reports whether c gives units back.
func refunds(c *store.Charge) bool {
	for i := range c.Parts {
		for _, n := range c.Parts[i].N {
			if n < 0 {
				return true
			}
		}
	}
	return false
}

// settlePartOf has c settle the meters of which it gives units back, where that matters.
func (s *payers) settlePartOf(c *store.Charge, t instant) {
	s.settleWhere(c, t, func(m *meter, _ *store.Meter, n int64) bool { return m.settlesWith(n, t.bucket) })
}

// settlesWith reports whether a charge of n units has to settle m. The inner Counter
// gives back no more than is used. So it has to know what was spent and is not yet
// charged, and what is leased must not count as used.
func (m *meter) settlesWith(n, now int64) bool {
	return n < 0 && !m.returning && (m.avail != 0 || m.inPool) && !(m.ahead() && m.canTakeBack(n, now))
}

// settleWhere has c settle those of its meters. The locks are held.
func (s *payers) settleWhere(c *store.Charge, t instant, settles func(m *meter, x *store.Meter, n int64) bool) {
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		if a == nil || a.gone {
			continue
		}
		a.drain()
		for i, n := range part.N {
			m := a.meter(&part.Meters[i], i)
			if m == nil || !settles(m, &part.Meters[i], n) {
				continue
			}
			if m.avail != 0 {
				s.rows = append(s.rows, row{meter: m, n: m.avail})
				s.copyOf(c).Parts[p].N[i] = less(n, m.returnable(t.bucket))
				m.avail = 0
			}
		}
	}
}

// copyOf returns a copy of c whose amounts may be changed.
func (s *payers) copyOf(c *store.Charge) *store.Charge {
	if s.sent == nil {
		s.sent = &store.Charge{At: c.At, Parts: slices.Clone(c.Parts)}
		for p := range s.sent.Parts {
			s.sent.Parts[p].N = slices.Clone(c.Parts[p].N)
			if c.Parts[p].Levels == nil {
				s.sent.Parts[p].Levels = make([]store.Level, len(c.Parts[p].Meters))
			}
		}
	}
	return s.sent
}

// levels returns the levels of a part of c: those of the caller, or if it wants none
// those of the account.
func (s *payers) levels(c *store.Charge, p int) []store.Level {
	if c.Parts[p].Levels == nil && s.sent != nil {
		return s.sent.Parts[p].Levels
	}
	return c.Parts[p].Levels
}

// next is what follows an answer of the inner Counter.
type next int

const (
	accept next = iota
	recall      // it refused, and units that are leased could help
	again       // it refused, and units were on their way
)

// judge decides what follows the answer to c, and takes the answer over if it accepts it.
// The locks are held.
func (l *Counter) judge(c *store.Charge, s *payers, err error) next {
	switch {
	case err != nil || c.OK:
	case s.couldHelp(c):
		return recall
	case s.moved() && (s.waits && s.again < maxWaits || s.again < maxAgain):
		s.again++
		return again
	}
	l.learn(c, s, err)
	return accept
}

// uncount ends what beginCall began for one account. The lock is held.
func (s *payers) uncount(a *account, f *flight) {
	if f.number == 0 {
		return
	}
	a.calls--
	if !s.waits || f.number <= a.abandoned {
		return
	}
	if a.inFlight--; a.inFlight == 0 && a.noneInFlight != nil {
		close(a.noneInFlight)
		a.noneInFlight = nil
	}
}

// maxAgain bounds how often a charge that names a cold subject is tried again. Any other
// charge waits for the units that are on their way, at most so often.
const (
	maxAgain = 3
	maxWaits = 64
)

// forces reports whether c forces units upon a bucket of which some are leased. If it has
// too few, it keeps those it has, so it must have all of them. The locks are held.
func (s *payers) forces(c *store.Charge) bool {
	return s.any(c, func(m *meter, p, i int) bool {
		return c.Parts[p].N[i] > 0 && c.Parts[p].Meters[i].Soft && !m.IsWindow() && m.ahead() && (m.avail > 0 || m.inPool)
	})
}

// hasReturns reports whether units are leased of a meter of c that are only to be given
// back, under the figures under which they were leased. The locks are held.
func (s *payers) hasReturns(c *store.Charge) bool {
	return s.any(c, func(m *meter, _, _ int) bool { return m.returning && m.avail != 0 })
}

// couldHelp reports whether units are leased of a meter that refused c, and are enough
// together with what the inner Counter has. The locks are held.
func (s *payers) couldHelp(c *store.Charge) bool {
	for p := range c.Parts {
		a, levels := s.of[p], s.levels(c, p)
		if a == nil || a.gone || levels == nil {
			continue
		}
		a.drain()
		for i, n := range c.Parts[p].N {
			m, l := a.meter(&c.Parts[p].Meters[i], i), &levels[i]
			if m != nil && n > 0 && l.Wait > 0 && m.ahead() && m.avail > 0 && n <= l.Max-l.Used+m.avail {
				return true
			}
		}
	}
	return false
}

// surprises reports whether a meter has refused c that has room for it, as far as this
// process has heard. Then the inner Counter has admitted charges that are not answered
// yet, or other processes have used the room. The locks are held.
func (s *payers) surprises(c *store.Charge, p, i int, m *meter) bool {
	levels, x, n := s.levels(c, p), &c.Parts[p].Meters[i], c.Parts[p].N[i]
	if c.OK || n <= 0 || levels == nil || levels[i].Wait == 0 || x.Soft || !m.known || !m.sameFigures(x) {
		return false
	}
	if d := s.doubt(p); d == 0 || d >= blind {
		return false
	}
	return n <= m.room(s.flights[p].began)
}
