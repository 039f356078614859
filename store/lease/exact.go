package lease

import (
	"context"
	"errors"
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
	err = errPanicked
	landed := false
	defer func() {
		if !landed { // the inner Counter has panicked
			l.endCall(c, set, err)
		}
	}()
	err = set.send(ctx, l.inner, c)
	landed = true
	switch l.endCall(c, set, err) {
	case again:
		return false, nil
	case recall:
		return l.recall(ctx, c, set, true)
	}
	return true, err
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
	l.note(s, t.bucket)
	s.sent = nil
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
		a.flying.add(flowOf(&c.Parts[p]), 1)
		if s.waits {
			a.inFlight++
		}
	}
	if refunds(c) {
		s.settlePartOf(c, t)
	}
	if len(s.rows) > 0 {
		for _, a := range s.order[:s.n] {
			a.partly++
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
// The inner Counter gives back no more than is used. So it has to know what was spent and
// is not yet charged, and what is leased must not count as used.
func (s *payers) settlePartOf(c *store.Charge, t instant) {
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		if a == nil || a.gone {
			continue
		}
		for i, n := range part.N {
			m := a.meter(&part.Meters[i], i)
			if m == nil || n >= 0 || m.returning {
				continue
			}
			if m.inPool {
				a.drain()
			}
			if m.avail != 0 && !(m.ahead() && m.canTakeBack(n, t.bucket)) {
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

// restore gives an account back what a charge was to settle, unless that may have
// happened. The locks are held.
func (s *payers) restore(ok bool, err error) {
	if err == nil && !ok || errors.Is(err, store.ErrNotTaken) {
		for _, r := range s.rows {
			r.avail += r.n
		}
	}
	s.rows = nil
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

// endCall ends what beginCall began, and takes over the answer if it accepts it.
func (l *Counter) endCall(c *store.Charge, s *payers, err error) next {
	l.warm(c, s)
	s.lock()
	for p, a := range s.of {
		if s.flights[p].noted {
			s.uncount(a, &c.Parts[p], &s.flights[p])
		}
	}
	s.restore(c.OK, err)
	do := accept
	switch {
	case err != nil || c.OK:
	case s.couldHelp(c):
		do = recall
	case s.moved() && (s.waits && s.again < maxWaits || s.again < maxAgain):
		s.again++
		do = again
	case s.waits && s.hasUnheard(c, l.cfg.Block.Microseconds()):
		s.unheard = true
		do = recall
	}
	if do == accept {
		l.learn(c, s, err)
	}
	s.unlock()
	return do
}

// uncount ends what beginCall began for one account. The lock is held.
func (s *payers) uncount(a *account, part *store.Part, f *flight) {
	a.calls--
	a.flying.add(flowOf(part), -1)
	if len(s.rows) > 0 {
		a.partly--
		a.epoch++ // it was a settlement, too
		f.epoch++
	}
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
		for i, n := range c.Parts[p].N {
			m, l := a.meter(&c.Parts[p].Meters[i], i), &levels[i]
			if m != nil && n > 0 && l.Wait > 0 && m.ahead() && a.leased(m) > 0 && n <= l.Max-l.Used+a.leased(m) {
				return true
			}
		}
	}
	return false
}

// hasUnheard reports whether a meter that refused c has room for it, as far as this
// process has heard. Then the inner Counter has admitted charges that are not answered
// yet, or other processes have used the room. A bucket that gets many tokens within a
// block has room soon in any case. The locks are held.
func (s *payers) hasUnheard(c *store.Charge, block int64) bool {
	return s.any(c, func(m *meter, p, i int) bool { return !m.isFast(block) && s.surprises(c, p, i, m) })
}

// surprises reports whether a meter has refused c that has room for it, or has admitted c
// and has no room for it, as far as this process has heard. The locks are held.
func (s *payers) surprises(c *store.Charge, p, i int, m *meter) bool {
	levels, x, n := s.levels(c, p), &c.Parts[p].Meters[i], c.Parts[p].N[i]
	if n <= 0 || levels == nil || !c.OK && levels[i].Wait == 0 || x.Soft || !m.known || !m.sameFigures(x) {
		return false
	}
	if d := s.doubt(p); d.moved || d == (doubt{}) {
		return false
	}
	return c.OK != (n <= m.room(s.flights[p].began)-s.of[p].pooledOf(m))
}
