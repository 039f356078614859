package lease

import (
	"slices"

	"github.com/ration-go/ration/store"
)

// payers are the accounts of a charge.
type payers struct {
	of    [store.MaxParts]*account // of each part, or nil
	order [store.MaxParts]*account // the same without nil, in the order of locking
	n     int

	hashes [store.MaxParts]uint64
	cold   [store.MaxParts]bool // the subject had no account when the charge began

	flights [store.MaxParts]flight // see start

	sent *store.Charge // the charge that is made, if it settles more than c
	rows []row         // what it settles

	held  bool       // the charge has seized the accounts
	waits bool       // it waits for settlements, and they wait for it: see account.inFlight
	holds []*account // see holdBack

	again int // how often it was tried again

	states [2 * store.MaxMeters]store.State
}

// find finds the accounts of a charge, and makes one for each subject that is hot. Call
// leaveCold at the end of the charge.
func (l *Counter) find(c *store.Charge, set *payers, now int64) {
	for i := range c.Parts {
		subject := c.Parts[i].Subject
		hash := l.accounts.hash(subject)
		set.hashes[i] = hash
		a := l.accounts.find(hash, subject)
		if a == nil && l.heat.touch(hash, now) >= l.hotAfter && len(c.Parts[i].Meters) > 0 {
			a = l.open(hash, subject, now)
		}
		if a == nil {
			l.heat.beginCall(hash)
			set.cold[i] = true
		}
		if a != nil {
			set.of[i] = a
			set.insert(a)
		}
	}
}

func (s *payers) none() bool { return s.n == 0 }

// insert keeps order sorted by the numbers of the accounts.
func (s *payers) insert(a *account) {
	i := s.n
	for ; i > 0 && s.order[i-1].number > a.number; i-- {
		s.order[i] = s.order[i-1]
	}
	s.order[i] = a
	s.n++
}

func (s *payers) lock() {
	for _, a := range s.order[:s.n] {
		a.mu.Lock()
	}
}

func (s *payers) unlock() {
	for _, a := range s.order[:s.n] {
		a.mu.Unlock()
	}
}

// keepTime notes the instant of a charge that takes units. The locks are held.
func (s *payers) keepTime(c *store.Charge, t instant) {
	for _, a := range s.order[:s.n] {
		a.keepTime(c.At, t)
	}
}

// leaveCold ends the calls of the cold subjects of c, see heat.inFlight.
func (l *Counter) leaveCold(c *store.Charge, set *payers) {
	for i := range c.Parts {
		if set.cold[i] {
			l.heat.endCall(set.hashes[i])
		}
	}
}

// warm finds the accounts that subjects of c have got since it began.
func (l *Counter) warm(c *store.Charge, set *payers) {
	for i := range c.Parts {
		if set.cold[i] && set.of[i] == nil {
			if a := l.accounts.find(set.hashes[i], c.Parts[i].Subject); a != nil {
				set.of[i] = a
				set.insert(a)
			}
		}
	}
}

// renew finds the accounts again if one of them is gone. It reports whether it did. The
// locks are held if it reports false, and otherwise not.
func (l *Counter) renew(c *store.Charge, set *payers) bool {
	if !slices.ContainsFunc(set.order[:set.n], func(a *account) bool { return a.gone }) {
		return false
	}
	set.unlock()
	set.letGo()
	set.n = 0
	for i := range c.Parts {
		if set.of[i] == nil {
			continue
		}
		if set.of[i] = l.accounts.find(set.hashes[i], c.Parts[i].Subject); set.of[i] != nil {
			set.insert(set.of[i])
		} else if !set.cold[i] {
			set.cold[i] = true
			l.heat.beginCall(set.hashes[i])
		}
	}
	return true
}

// any reports whether a meter is what the function says: that of the i-th meter of part p
// of c. The locks are held.
func (s *payers) any(c *store.Charge, is func(m *meter, p, i int) bool) bool {
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		if a == nil || a.gone {
			continue
		}
		for i := range part.Meters {
			if m := a.meter(&part.Meters[i], i); m != nil && is(m, p, i) {
				return true
			}
		}
	}
	return false
}

// pause returns when the last pause of an account ends.
func (s *payers) pause() (end int64) {
	for _, a := range s.order[:s.n] {
		end = max(end, a.pause)
	}
	return end
}
