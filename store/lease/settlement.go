package lease

import (
	"errors"
	"slices"

	"github.com/ration-go/ration/store"
)

// aim says what a settlement does beside charging what was spent of the meters that are
// charged afterwards.
type aim int

const (
	payAhead aim = iota // pay the next block, or give back what is far too much
	payNone
	giveBack // give back everything
)

// settlement is one charge of the inner Counter for the meters of an account.
type settlement struct {
	charge store.Charge
	rows   []row
	paid   bool // it pays ahead
	flight flight

	mark *mark // what it adds to, or nil
	used int64 // where that stood
}

// row is what a settlement does with one meter.
type row struct {
	*meter
	figures      store.Meter // of the meter when the settlement began
	n            int64       // what the meter is charged
	wasReturning bool        // it was only given back
	spent        int64       // what was taken of it when the settlement began
	counted      int64       // by how much its count of leased units changes
}

// newSettlement returns what settles these meters for a subject. It takes from the
// account what is given back, so that nobody spends it meanwhile. The lock is held. The
// charge has no parts if there is nothing to do.
func (l *Counter) newSettlement(a *account, subject string, meters []*meter, to aim) *settlement {
	a.drain() // the pool's units are the meters'
	s := &settlement{}
	now := l.clock.now()
	own := store.Part{Subject: subject}
	counts, counted := store.LeasedSubject(subject)
	leased := store.Part{Subject: counts}
	useful := to == payAhead && now-a.answered > l.cfg.Life.Microseconds()/2 // to hear what others have used
	for _, m := range meters {
		r := row{meter: m, figures: m.Meter, wasReturning: m.returning, n: l.amount(a, m, to, now), spent: m.taken}
		if m.ahead() {
			r.n = max(r.n, -m.avail) // whatever is wanted: only what is held is given back
			s.paid = s.paid || r.n > 0
			m.avail += min(r.n, 0)
			if change := m.avail + max(r.n, 0) - m.counting; change != 0 && m.IsWindow() && counted {
				r.counted = change
				leased.Meters, leased.N = append(leased.Meters, countOf(m)), append(leased.N, change)
			}
		}
		unread := to == payAhead && !m.known
		if unread {
			r.spent = 0 // so that it counts for the block that is paid when m is known
		}
		if r.n == 0 && r.counted == 0 && r.spent == 0 && !unread {
			continue
		}
		useful = useful || r.n != 0 || r.counted != 0 || unread
		own.Meters, own.N = append(own.Meters, m.Meter), append(own.N, r.n)
		s.rows = append(s.rows, r)
	}
	if useful && len(own.Meters) == 0 && len(meters) > 0 { // any read will do
		own.Meters, own.N = append(own.Meters, meters[0].Meter), append(own.N, 0)
		s.rows = append(s.rows, row{meter: meters[0], figures: meters[0].Meter})
	}
	if !useful {
		return s
	}
	own.Levels = make([]store.Level, len(own.Meters))
	s.charge.Parts = append(s.charge.Parts, own)
	if len(leased.Meters) > 0 {
		s.charge.Parts = append(s.charge.Parts, leased)
	}
	return s
}

// amount returns how much a settlement charges a meter.
func (l *Counter) amount(a *account, m *meter, to aim, now int64) int64 {
	switch {
	case !m.ahead(), to == giveBack:
		return -m.avail
	case to == payNone, !m.known:
		return 0
	}
	n := l.block(a, m, now)
	m.last = max(l.want(a, m, now), 1)
	return n
}

// moves reports whether units are on their way while s is. A settlement that only asks
// where the meters stand changes nothing that an answer to a charge could tell.
func (s *settlement) moves() bool {
	return slices.ContainsFunc(s.rows, func(r row) bool { return r.n != 0 || r.counted != 0 })
}

// changesWindow reports whether s changes what the inner Counter counts in a window.
func (s *settlement) changesWindow() bool {
	return slices.ContainsFunc(s.rows, func(r row) bool { return r.IsWindow() && (r.n != 0 || r.counted != 0) })
}

// outcome says whether a settlement has happened.
type outcome int

const (
	no outcome = iota
	yes
	unknown
)

// outcome returns whether s has happened, by the answer to it. If it was sent twice on
// the way, the second answer is a refusal by the mark.
func (s *settlement) outcome(err error) outcome {
	switch {
	case errors.Is(err, store.ErrNotTaken):
		return no
	case err != nil:
		return unknown
	case s.charge.OK, s.mark != nil && s.marked() == s.used+bySettlement:
		return yes
	}
	return no
}

// marked returns where the mark stands by the answer.
func (s *settlement) marked() int64 {
	return s.charge.Parts[len(s.charge.Parts)-1].Levels[0].Used
}

// advance takes over where the mark stands. It reports whether the mark stands where it
// should. It does not if the inner Counter has lost it.
func (s *settlement) advance() bool {
	before := s.mark.used
	s.mark.used = s.marked()
	return s.mark.used == before || s.mark.used == before+bySettlement
}

// wasAhead reports whether the meter was paid ahead when the settlement began.
func (r *row) wasAhead() bool { return (&meter{Meter: r.figures}).ahead() }

// finish takes over the answer. The lock is held.
//
// Units that were to be paid count as paid only if the answer says so. Units that were to
// be given back count as given back unless it is certain that they were not. So after an
// answer that was lost, no unit is spent twice or given back twice.
func (s *settlement) finish(a *account, now int64, happened outcome, answered bool) {
	for i := range s.rows {
		r := &s.rows[i]
		if happened != no {
			r.counting += r.counted
			r.taken = max(0, r.taken-r.spent)
		}
		if r.figures != r.Meter || r.wasReturning && happened != yes {
			// What was leased under other figures, or had expired, is only given back.
			r.returning = true
		}
		switch ahead := r.wasAhead(); {
		case !ahead && happened != no:
			r.avail += r.n
		case ahead && r.n > 0 && happened == yes:
			r.avail += r.n
		case ahead && r.n < 0 && happened == no:
			r.avail -= r.n
		case r.n < 0:
			r.forget()
		}
	}
	if answered {
		s.learn(a, &s.charge.Parts[0], now)
	}
}

// learn takes over where the meters of s stand. part has their levels in the same order.
// The lock is held.
func (s *settlement) learn(a *account, part *store.Part, now int64) {
	doubt := s.flight.doubt
	now += a.shift
	for i := range s.rows {
		r, l := &s.rows[i], &part.Levels[i]
		if r.inPool || r.returning || part.Meters[i] != r.Meter {
			continue
		}
		r.hear(&r.Meter, r.seen(&r.Meter, l, now), 0, now, doubt)
		if doubt == 0 && !r.IsWindow() {
			r.avail = min(r.avail, l.Used)
		}
	}
}
