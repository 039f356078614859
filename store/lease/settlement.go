package lease

import (
	"errors"

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
	useful := to == payAhead && now-a.answered > l.cfg.Life.Microseconds()/2 // to hear that the inner Counter is there
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
		if r.n == 0 && r.counted == 0 && r.spent == 0 {
			continue
		}
		useful = useful || r.n != 0 || r.counted != 0
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
	case to == payNone:
		return 0
	}
	n := l.block(a, m, now)
	m.last = max(l.want(a, m, now), 1)
	return n
}

// finish takes over the answer. The lock is held.
//
// Units that were to be paid count as paid only if the answer says so. Units that were to
// be given back count as given back unless it is certain that they were not. So after an
// answer that was lost, no unit is spent twice or given back twice.
func (s *settlement) finish(now int64, err error) {
	applied := err == nil && s.charge.OK
	unknown := err != nil && !errors.Is(err, store.ErrNotTaken)
	for i := range s.rows {
		r := &s.rows[i]
		if applied || unknown {
			r.counting += r.counted
			r.taken = max(0, r.taken-r.spent)
		}
		if r.figures != r.Meter || r.wasReturning && !applied {
			// What was leased under other figures, or had expired, is only given back.
			r.returning = true
		}
		ahead := (&meter{Meter: r.figures}).ahead()
		switch {
		case !ahead && (applied || unknown):
			r.avail += r.n
		case ahead && r.n > 0 && applied:
			r.avail += r.n
		case ahead && r.n < 0 && !applied && !unknown:
			r.avail -= r.n
		case r.n < 0:
			r.forget()
		}
		if err == nil && !r.inPool && !r.returning {
			r.learn(&r.Meter, &s.charge.Parts[0].Levels[i], now, true)
		}
	}
}
