package lease

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
)

// account is what a Counter holds of one hot subject.
type account struct {
	subject string
	hash    uint64
	number  uint64 // accounts are locked in the order of their numbers

	// pool has the units that are spent without a lock, or is nil.
	pool atomic.Pointer[pool]

	mu     sync.Mutex
	meters []*meter

	// settling is closed when the settlement under way has ended. It is nil if there is
	// none. There is at most one for an account, so that what is paid is known exactly.
	settling chan struct{}

	moving int   // how many calls in flight change what is leased, see flight.moves
	epoch  int64 // how many of those have ended

	// lost is a settlement of which it is not known whether it happened, or nil. The next
	// settlement finds that out first.
	lost *settlement

	// inFlight counts the charges in flight to the inner Counter that wait for settlements.
	// A settlement waits for them, too. So each of their answers is either from before it or
	// from after it. A charge that also names a cold subject waits only if the inner Counter
	// is near: see awaited. noneInFlight is closed when inFlight becomes 0.
	inFlight     int
	noneInFlight chan struct{}

	calls     int   // how many charges are in flight, waiting ones or not
	flying    int64 // how many units the calls in flight change, see flight.units
	heard     int64 // how many units those that have ended have changed
	begun     int64 // how many charges ever were in flight
	abandoned int64 // no settlement waits for those that began before, as counted by begun

	// at is the At of the last charge, and atOwn the same instant by the Counter's clock.
	// Settlements are made by the clock of the callers. shift is how far the clock of the
	// buckets is ahead of the Counter's.
	at    time.Time
	atOwn int64
	shift int64

	began     int64  // when the last settlement began
	answered  int64  // when the inner Counter last answered a settlement
	pause     int64  // no settlement begins of itself before this instant
	roundTrip int64  // how long a settlement takes
	mark      *mark  // what settlements add to, or nil
	payee     string // where the subject has moved to, if not ""
	hops      int    // how often it has
	heldBack  int    // how many charges keep settlements from beginning
	failures  int    // how many settlements in a row have failed
	dry       bool   // a charge found too few units since the last settlement
	early     bool   // charges may be under way that began before the account was there
	spent     bool   // a pool gave out units since at
	active    bool   // there was a charge since the last sweep
	gone      bool   // removed from the table

	shape  [store.MaxMeters]*meter // what the next pool is for
	shaped int

	seen     *pool // at the last sweep
	seenLeft int64
}

// maxMeters bounds the meters of an account.
const maxMeters = 4 * store.MaxMeters

func newAccount(number, hash uint64, subject string, now int64) *account {
	return &account{number: number, hash: hash, subject: subject, began: now, answered: now, early: true}
}

// meter returns the meter that counts what x does, or nil. guess is where it may be.
func (a *account) meter(x *store.Meter, guess int) *meter {
	if guess < len(a.meters) && a.meters[guess].is(x) {
		return a.meters[guess]
	}
	for _, m := range a.meters {
		if m.is(x) {
			return m
		}
	}
	return nil
}

// ensure returns the meter that counts what x does with the figures of x. If its figures
// have changed, what was leased under the old ones is only to be given back, and nothing
// is decided here until that has happened. ensure returns nil if the account has too many
// meters, and for a rare one: it has no leases.
func (a *account) ensure(x *store.Meter, guess int) *meter {
	m := a.meter(x, guess)
	switch {
	case m == nil && (x.Rare || len(a.meters) >= maxMeters):
		return nil
	case m == nil:
		m = newMeter(x)
		a.meters = append(a.meters, m)
	case !m.returning && m.sameFigures(x):
		m.Keep = max(m.Keep, x.Keep)
	default:
		a.expire(m)
		if m.avail == 0 {
			m.reset(x)
		}
	}
	return m
}

// expire makes what is leased of a meter something to be given back only.
func (a *account) expire(m *meter) {
	if m.inPool {
		a.drain()
	}
	m.returning = true
}

// reset gives a meter of which nothing is leased any more the figures of x. If they are
// those that it had, its units have only expired, and what is known of its state stays:
// an answer that comes while units are on their way could not tell it anew.
func (m *meter) reset(x *store.Meter) {
	name, expired := m.Name, m.sameFigures(x)
	next := meter{Meter: *x, counting: m.counting}
	if expired {
		next.state, next.known = m.state, m.known
	}
	*m = next
	m.Name = name
}

// drain closes the pool, and gives its units back to the meters.
func (a *account) drain() {
	p := a.pool.Swap(nil)
	if p == nil {
		return
	}
	left := p.close()
	spent := p.issued - left
	for _, m := range p.of {
		m.avail += left
		m.taken += spent
		m.state = without(m.state, &m.Meter, spent)
		m.inPool = false
	}
	if spent > 0 {
		a.active, a.spent = true, true
	}
}

// pooled returns how many units the open pool has given out.
func (a *account) pooled() int64 {
	if p := a.pool.Load(); p != nil {
		return p.issued - max(0, p.left.Load())
	}
	return 0
}

// hasReturns reports whether there is something that is only to be given back.
func (a *account) hasReturns() bool {
	for _, m := range a.meters {
		if m.returning && !m.settled() {
			return true
		}
	}
	return false
}

// holds reports whether there is anything to be given back or to be charged.
func (a *account) holds() bool {
	for _, m := range a.meters {
		if !m.settled() {
			return true
		}
	}
	return a.pool.Load() != nil || a.lost != nil
}

// settled reports whether there is nothing of m to be given back or to be charged.
func (m *meter) settled() bool { return m.avail == 0 && m.counting == 0 && !m.inPool }

// keepTime notes the instant of a charge.
func (a *account) keepTime(at time.Time, t instant) {
	a.at, a.atOwn, a.shift, a.spent = at, t.own, t.bucket-t.own, false
}

// settleAt returns the At of a settlement: that of the last charge. Of a charge that a
// pool decided it is not known, and is taken for the present.
func (a *account) settleAt(own int64) time.Time {
	switch {
	case a.at.IsZero():
		return time.Now()
	case a.spent:
		return a.at.Add(time.Duration(own-a.atOwn) * time.Microsecond)
	}
	return a.at
}

// heardAt notes when the inner Counter has answered.
func (a *account) heardAt(now int64) {
	if a.answered = now; a.failures > 0 {
		a.failures, a.pause = 0, 0
	}
}
