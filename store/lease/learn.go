package lease

import (
	"time"

	"github.com/ration-go/ration/store"
)

// learn takes over what the inner Counter said, and makes the levels of c those of this
// process. The locks are held.
func (l *Counter) learn(c *store.Charge, set *payers, err error) {
	t := l.clock.read(c.At)
	if err == nil {
		l.takeOver(c, set, t)
	}
	for _, a := range set.order[:set.n] {
		a.active = true
	}
	l.beginDue(c, set, err, t.own)
}

// takeOver takes over an answer. The locks are held.
func (l *Counter) takeOver(c *store.Charge, set *payers, t instant) {
	asItIs := set.seenAtOnce(c)
	for p := range c.Parts {
		a := set.of[p]
		if a == nil || a.gone {
			continue
		}
		a.heardAt(t.own)
		if c.OK && takes(c) {
			a.keepTime(c.At, t)
		}
		l.takeOverPart(c, set, p, asItIs, t)
		a.shapeOf(c)
	}
}

// seenAtOnce reports whether the levels of c are those that the inner Counter said, apart
// from what is leased. That is so if a meter of c has no known state: then its level can
// be of no other instant than that of the answer, and the others must not be either. If
// units were on their way meanwhile, that instant cannot be told for the others.
func (s *payers) seenAtOnce(c *store.Charge) bool {
	unknown := false
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		if a == nil || a.gone {
			unknown = true
			continue
		}
		for i := range part.Meters {
			m := a.meter(&part.Meters[i], i)
			if m == nil || !m.known {
				unknown = true
			} else if s.doubt(p) >= blind {
				return false
			} else if s.surprises(c, p, i, m) {
				unknown = true
			}
		}
	}
	return unknown
}

// takeOverPart takes over the answer for a part of c, and makes its levels those of this
// process. The locks are held.
func (l *Counter) takeOverPart(c *store.Charge, set *payers, p int, asItIs bool, t instant) {
	a, part, levels, doubt := set.of[p], &c.Parts[p], set.levels(c, p), set.doubt(p)
	if c.Op == store.SetRemaining {
		doubt = 0 // it says where the meters stand now
	}
	for i := range part.Meters {
		x, n := &part.Meters[i], part.N[i]
		m := a.ensure(x, i)
		if m == nil {
			continue
		}
		switch {
		case c.OK && (n < 0 || c.Op == store.SetRemaining):
			m.forget()
		case c.OK:
			m.taken += n
		}
		if levels == nil {
			continue
		}
		level := &levels[i]
		if level.Max-level.Used >= m.refused {
			m.forget()
		}
		if level.Wait > 0 {
			// The inner Counter may have been asked for more or fewer units than n.
			level.Wait = waitOf(x, n, level)
		}
		block := l.cfg.Block.Microseconds()
		if !c.OK && n > 0 && level.Wait > 0 && !x.Soft {
			m.refuse(n, level.Wait, t.own, block)
		}
		applied := n
		if !c.OK || c.Op == store.SetRemaining {
			applied = 0
		}
		m.answer(x, level, n, applied, doubt, asItIs, t)
	}
}

// answer makes the level of a charge of n units, of which so many were applied, that of
// this process.
func (m *meter) answer(x *store.Meter, l *store.Level, n, applied, doubt int64, asItIs bool, t instant) {
	wait := l.Wait
	if x.Soft && m.IsWindow() && m.avail != 0 && doubt < blind {
		wait = softWait(x, l, n, -m.avail, applied, t)
	}
	seen := m.seen(x, l, t.bucket)
	m.hear(x, seen, applied, t.bucket, doubt)
	if doubt == 0 && !m.IsWindow() {
		// Tokens that a full bucket would not have had room for are gone. Only an answer
		// without doubt tells that: a unit that came back meanwhile is not in that bucket.
		m.avail = min(m.avail, l.Used)
	}
	switch exact := asItIs || doubt == 0; {
	case exact && m.avail != 0:
		_, *l, _ = seen.Take(x, t.wall, t.bucket, 0)
	case !exact && m.known:
		_, *l, _ = m.state.Take(x, t.wall, t.bucket, 0)
	}
	if n > 0 && wait > 0 && m.avail > 0 && !m.IsWindow() {
		// The inner Counter does not know of what is leased.
		if _, here, fits := bucketOf(x, l, t.bucket).Take(x, t.bucket, n); !fits {
			wait = here.Wait
		}
	}
	l.Wait = wait
}

// softWait returns the Wait of a soft window of which pending units are spent and not yet
// charged. The inner Counter does not know of them. l is its level after the charge.
func softWait(x *store.Meter, l *store.Level, n, pending, applied int64, t instant) time.Duration {
	before := store.Window{Used: l.Used + pending - applied, Extra: l.Max - x.Max}
	_, after, _ := before.Take(x, t.wall, n)
	return after.Wait
}
