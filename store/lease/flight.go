package lease

import (
	"github.com/ration-go/ration/store"
)

// Charges that the inner Counter decides at the same time are answered in any order. An
// account takes each of them over when its answer comes: it adds the units of the charge
// to what it knows, for all meters and all accounts of the charge at once. So the levels
// of an answer are of the instant at which the answer came, and charges that are decided
// here fit in between.
//
// The figures in an answer tell what other processes have used. They also have charges
// that are not answered yet, and lack charges that were answered meanwhile. A doubt
// bounds by how much.

// flight is what a call of the inner Counter remembers of an account, to understand the
// answer.
type flight struct {
	noted  bool  // the account was there when the call began
	early  bool  // see account.early
	number int64 // of the call, see account.begun
	epoch  int64 // see account.epoch
	heard  flow  // see account.heard
	began  int64 // by the clock of the buckets
}

// flow is how many units charges take, and how many they give back. Of a charge of
// several meters, the most counts.
type flow struct{ taken, returned int64 }

// flowOf returns the flow of a part.
func flowOf(part *store.Part) (f flow) {
	for _, n := range part.N {
		f.taken = max(f.taken, min(n, store.MaxUnits))
		f.returned = max(f.returned, -max(n, -store.MaxUnits))
	}
	return f
}

// add adds n times g to f.
func (f *flow) add(g flow, n int64) {
	f.taken += n * g.taken
	f.returned += n * g.returned
}

// doubt says how far an answer of the inner Counter may be from what this process has
// heard: at most so many units fewer are used, or more.
type doubt struct {
	fewer, more int64

	// moved says that the answer tells nothing. Units were on their way between the inner
	// Counter and this one, or charges were that the account does not know of.
	moved bool
}

// flight returns the flight of a call that begins now. The lock is held.
func (l *Counter) flight(a *account, t int64) flight {
	return flight{noted: true, early: l.isEarly(a), number: a.begun, epoch: a.epoch, heard: a.heard, began: t}
}

// doubt returns the doubt of an answer that has come now, and is not yet taken over. The
// call is no longer one of those in flight. The lock is held.
func (f *flight) doubt(a *account) doubt {
	if !f.noted || f.early || a.epoch != f.epoch || a.partly > 0 {
		return doubt{moved: true}
	}
	since := flow{a.heard.taken - f.heard.taken, a.heard.returned - f.heard.returned}
	return doubt{fewer: a.flying.taken + since.returned, more: a.flying.returned + since.taken}
}

// doubt returns the doubt of the answer for a part.
func (s *payers) doubt(p int) doubt {
	a := s.of[p]
	d := s.flights[p].doubt(a)
	switch {
	case s.held && d.moved:
		return doubt{} // by charges that no settlement waits for, see awaited
	case !s.held && a.moving:
		return doubt{moved: true}
	}
	return d
}

// isEarly reports whether charges may be under way that began before an account was
// there. The lock is held.
func (l *Counter) isEarly(a *account) bool {
	a.early = a.early && l.heat.under(a.hash)
	return a.early
}

// hear takes over the answer to a charge that changed m by n units, and said that it
// stands at seen. It forgets a refusal if there is room after all.
func (m *meter) hear(x *store.Meter, seen store.State, n, now int64, d doubt) {
	switch {
	case d == doubt{}:
		m.state, m.known, m.owed = seen, true, 0
	case !m.known:
		return
	case d.moved:
		m.state = m.after(x, n, now)
	default:
		m.state = within(m.after(x, n, now), seen, x, d)
	}
	if !m.fast && m.room(now) >= m.refused {
		m.forget()
	}
}

// after returns the state of m after a charge of n units. If a bucket has fewer, the
// charge got units that were given back by another one, whose answer comes later.
func (m *meter) after(x *store.Meter, n, now int64) store.State {
	s := m.here(x, now, 0)
	if !m.IsWindow() {
		n += m.owed
		m.owed = max(0, n-s.Bucket.Tokens)
	}
	return without(s, x, n)
}

// within returns what is nearest to s of the states that an answer allows. It said seen.
func within(s, seen store.State, x *store.Meter, d doubt) store.State {
	if x.IsWindow() {
		used := &s.Window.Used
		*used = max(0, seen.Window.Used-d.fewer, min(*used, seen.Window.Used+d.more))
		s.Window.Extra = seen.Window.Extra
		return s
	}
	least, most := topUp(seen.Bucket, x, -d.more), topUp(seen.Bucket, x, d.fewer)
	switch n := s.Bucket.Tokens; {
	case n < least.Tokens:
		s.Bucket = least
	case n > most.Tokens:
		s.Bucket = most
	}
	return s
}
