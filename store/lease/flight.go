package lease

import (
	"errors"

	"github.com/ration-go/ration/store"
)

// The inner Counter answers calls that are in flight at the same time in any order. An
// account counts the units of a charge from its answer on, for all meters and all
// accounts of the charge at once. So the levels of an answer are of the instant at which
// it came, and charges that are decided here fit in between.
//
// The figures in an answer tell what other processes have used. But they are of an
// earlier instant. They may have units of calls that are still in flight, and may lack
// units of calls that were answered meanwhile. The doubt of an answer is how many units
// these are. The account takes the figures over only if there is no doubt. Otherwise it
// only moves into their reach.

// flight is one call of the inner Counter, as an account sees it.
type flight struct {
	noted bool  // the account was there when the call began
	moves bool  // units are on their way between the inner Counter and this one
	began int64 // by the clock of the buckets

	number int64 // of the charge, see account.begun; 0 if it is not counted there
	units  int64 // how many units of a meter the call changes, at most
	heard  int64 // account.heard when the call began
	epoch  int64 // account.epoch when the call began

	doubt int64 // see above
	moved bool  // units may have been on their way to or from the account during the call
}

// blind is the least doubt of an answer that tells nothing.
const blind = store.MaxUnits

// start notes that a call begins. The lock is held.
func (a *account) start(units int64, moves bool) flight {
	a.flying += units
	if moves {
		a.moving++
	}
	return flight{noted: true, moves: moves, units: units, heard: a.heard, epoch: a.epoch}
}

// end notes that the call has ended. changed says that it has changed something, as far
// as is known. The lock is held.
func (l *Counter) end(a *account, f *flight, changed bool) {
	a.flying -= f.units
	if f.moves {
		a.moving--
	}
	f.moved = a.gone || a.moving > 0 || a.epoch != f.epoch
	f.doubt = a.flying + a.heard - f.heard
	if f.moved || l.isEarly(a) {
		f.doubt = blind
	}
	if changed {
		a.heard += f.units
	}
	if f.moves {
		a.epoch++
	}
}

// start notes that a call for c begins. now is an instant by the clock of the buckets.
// The locks are held.
func (s *payers) start(c *store.Charge, now int64, moves bool) {
	units := unitsOf(c)
	for p, a := range s.of {
		if s.flights[p] = (flight{}); a != nil {
			s.flights[p] = a.start(units, moves)
			s.flights[p].began = now
		}
	}
}

// unitsOf returns how many units of a meter c changes, at most.
func unitsOf(c *store.Charge) (most int64) {
	if c.Op != store.Spend {
		return blind // where the meters stood before tells nothing afterwards
	}
	for p := range c.Parts {
		for _, n := range c.Parts[p].N {
			most = max(most, min(max(n, -n), store.MaxUnits))
		}
	}
	return most
}

// endAll ends the flights of c, and gives back what c was to settle, unless that may have
// happened. The locks are held.
func (l *Counter) endAll(s *payers, c *store.Charge, err error) {
	changed := err == nil && c.OK || err != nil && !errors.Is(err, store.ErrNotTaken)
	for p, a := range s.of {
		if a == nil {
			continue
		}
		a.drain() // the answer tells where all of a meter stands
		if f := &s.flights[p]; f.noted {
			l.end(a, f, changed)
			s.uncount(a, f)
		} else if changed {
			a.heard += unitsOf(c)
		}
	}
	if !changed {
		l.putBack(s)
	}
	s.rows = nil
}

// putBack gives the accounts back what was on its way to the inner Counter. A sweep has
// not seen these units, so they may have expired meanwhile.
func (l *Counter) putBack(s *payers) {
	for _, r := range s.rows {
		r.avail += r.n
	}
	if len(s.rows) > 0 {
		for _, a := range s.order[:s.n] {
			l.expireLate(a, l.clock.now())
		}
	}
}

// doubt returns the doubt of the answer for a part.
func (s *payers) doubt(p int) int64 {
	if f := &s.flights[p]; f.noted {
		return f.doubt
	}
	return blind
}

// moved reports whether units of an account may have been on their way during the call.
func (s *payers) moved() bool {
	for p := range s.flights {
		if s.flights[p].moved {
			return true
		}
	}
	return false
}

// isEarly reports whether charges may be under way that began before an account was
// there. The lock is held.
func (l *Counter) isEarly(a *account) bool {
	a.early = a.early && l.heat.under(a.hash)
	return a.early
}

// hear takes over the answer to a charge that changed m by n units, and said that it
// stands at seen. It forgets a refusal if there is room after all.
func (m *meter) hear(x *store.Meter, seen store.State, n, now, doubt int64) {
	switch {
	case doubt == 0:
		m.state, m.known = seen, true
	case !m.known:
		return
	case doubt >= blind:
		m.state = m.after(x, n, now)
	default:
		m.state = within(m.after(x, n, now), seen, x, doubt)
	}
	if !m.fast && m.room(now) >= m.refused {
		m.forget()
	}
}

// after returns the state of m after a charge of n units. A bucket may have less than
// nothing: the charge got units that were given back by another one, whose answer comes
// later.
func (m *meter) after(x *store.Meter, n, now int64) store.State {
	s := m.here(x, now, 0)
	if !m.IsWindow() && x.Soft && n > s.Bucket.Tokens {
		return s // a soft bucket keeps what it has if that is too little
	}
	return without(s, x, n)
}

// within returns the state nearest to s that an answer with that doubt allows. The answer
// said seen.
func within(s, seen store.State, x *store.Meter, doubt int64) store.State {
	if x.IsWindow() {
		used := seen.Window.Used
		s.Window.Used = max(0, used-doubt, min(s.Window.Used, used+doubt))
		s.Window.Extra = seen.Window.Extra
		return s
	}
	least, most := topUp(seen.Bucket, x, -doubt), topUp(seen.Bucket, x, doubt)
	switch n := s.Bucket.Tokens; {
	case n < least.Tokens:
		s.Bucket = least
	case n > most.Tokens:
		s.Bucket = most
	}
	return s
}
