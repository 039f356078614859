package lease

import (
	"github.com/ration-go/ration/store"
)

// decide decides c here, if it can: every unit that c takes is leased, or a meter is
// known to refuse. The locks are held, so nobody sees a part of a charge.
func (s *payers) decide(c *store.Charge, t instant) bool {
	if !s.prepare(c) {
		return false
	}
	here, refused := true, false
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		if !a.covers(part) {
			a.drain()
			here = here && a.covers(part)
			refused = refused || a.refuses(part, t.own)
		}
	}
	switch {
	case here:
		return s.admit(c, t)
	case refused:
		s.refuse(c, t)
		return true
	}
	return false
}

// prepare prepares every account for its part of c. It reports whether all of c may be
// decided here.
func (s *payers) prepare(c *store.Charge) bool {
	known := s.n == len(c.Parts)
	for p := range c.Parts {
		if a := s.of[p]; a != nil {
			known = a.prepare(&c.Parts[p]) && known
		}
	}
	return known
}

// prepare makes sure that the account has the meters of a part with their figures. It
// reports whether it knows where they stand, and may decide them.
func (a *account) prepare(part *store.Part) bool {
	if a.gone || part.Last != nil {
		return false
	}
	known := true
	for i := range part.Meters {
		m := a.ensure(&part.Meters[i], i)
		known = known && m != nil && m.known && !m.returning
	}
	return known
}

// refuses reports whether a meter of a part is known to refuse.
func (a *account) refuses(part *store.Part, now int64) bool {
	for i := range part.Meters {
		m := a.meter(&part.Meters[i], i)
		if m.refuses(&part.Meters[i], part.N[i], now) {
			return true
		}
	}
	return false
}

// work works out c from the states that the accounts know. It returns the states before
// and after.
func (s *payers) work(c *store.Charge, t instant) (held, next []store.State) {
	count := 0
	for p := range c.Parts {
		count += len(c.Parts[p].Meters)
	}
	held, next = s.room(count)
	i := 0
	for p := range c.Parts {
		part, pooled := &c.Parts[p], s.of[p].pooled()
		for j := range part.Meters {
			m := s.of[p].meter(&part.Meters[j], j)
			held[i] = m.here(&part.Meters[j], t.bucket, pooled)
			i++
		}
	}
	c.Decide(held, next, t.wall, t.bucket)
	return held, next
}

// room returns room for the states of a charge. Most charges need no allocation.
func (s *payers) room(count int) (held, next []store.State) {
	if 2*count <= len(s.states) {
		return s.states[:count], s.states[count : 2*count]
	}
	all := make([]store.State, 2*count)
	return all[:count], all[count:]
}

// admit applies c. It reports false if c does not fit after all, which is so if a count
// would be more than can be counted.
func (s *payers) admit(c *store.Charge, t instant) bool {
	for _, a := range s.order[:s.n] {
		a.drain() // a pool knows of no other charges
	}
	held, next := s.work(c, t)
	if !c.OK || !s.whole(c, held, next) {
		return false
	}
	s.keepTime(c, t)
	i := 0
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		a.active = true
		for j := range part.Meters {
			a.meter(&part.Meters[j], j).charge(&held[i], &next[i], part.N[j])
			i++
		}
	}
	return true
}

// whole reports whether c gives back all that it is to give back. The account does not
// know for certain what others have used, so only the inner Counter can say that less
// than that is used.
func (s *payers) whole(c *store.Charge, held, next []store.State) bool {
	i := 0
	for p := range c.Parts {
		part := &c.Parts[p]
		for j, n := range part.N {
			m := s.of[p].meter(&part.Meters[j], j)
			if lost := m.change(&held[i], &next[i]) - n; n < 0 && lost > 0 && !m.soonRefills(lost) {
				return false
			}
			i++
		}
	}
	return true
}

// soonRefills reports whether a bucket gets n tokens within a second. Then a refund that
// is a little too small, because the bucket seems to be full, is not worth a call.
func (m *meter) soonRefills(n int64) bool {
	return !m.IsWindow() && float64(n) <= m.Rate.PerSecond()
}

// charge takes over what a charge of n units changes.
func (m *meter) charge(held, next *store.State, n int64) {
	change := m.change(held, next)
	m.avail -= change
	m.state = *next
	if n > 0 {
		m.taken += n
	} else if n < 0 {
		m.forget()
	}
}

// change returns how many units lie between two states of one instant.
func (m *meter) change(held, next *store.State) int64 {
	if m.IsWindow() {
		return next.Window.Used - held.Window.Used
	}
	return held.Bucket.Tokens - next.Bucket.Tokens
}

// refuse refuses c. The inner Counter has refused it before, and said how long to wait.
func (s *payers) refuse(c *store.Charge, t instant) {
	held, _ := s.work(c, t)
	fits := c.OK
	c.OK = false
	i := 0
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		a.active = true
		for j := range part.Meters {
			m, x, n := a.meter(&part.Meters[j], j), &part.Meters[j], part.N[j]
			if part.Levels != nil {
				l := &part.Levels[j]
				if fits {
					_, *l, _ = held[i].Take(x, t.wall, t.bucket, 0)
				}
				if m.refuses(x, n, t.own) {
					l.Wait = m.wait(n, t.own, l.Wait)
				}
			}
			i++
		}
	}
}
