package lease

import (
	"slices"
	"sync/atomic"

	"github.com/ration-go/ration/store"
)

// pool has units of a subject's meters that are spent by one atomic operation and without
// a lock: the commonest charge has one part, and takes the same number of units from each
// meter. A pool has as many units as the meter has that has the fewest. Any other charge
// closes the pool, if it needs its units.
//
// One word holds all of it, so nobody sees a part of a charge.
type pool struct {
	meters []store.Meter                   // what a charge must name
	of     []*meter                        // the same meters of the account
	states []store.State                   // where they stood when the pool was opened
	list   atomic.Pointer[store.MeterList] // the same meters, see TakeList
	issued int64                           // how many units the pool was opened with

	// Every charge writes left, so what all charges only read is in other cache lines. With
	// fewer than low left, the next block is fetched.
	_    [64]byte
	left atomic.Int64
	low  atomic.Int64
	_    [48]byte
}

// closedPool is what a closed pool has left. No charge is so small.
const closedPool = -1 << 62

// openPool opens a pool for charges that are like the last one of one part, unless that
// gains nothing. now is an instant by the clock of the callers. The lock is held.
func (a *account) openPool(now int64) {
	a.drain()
	issued := int64(maxPool)
	for _, m := range a.shape[:a.shaped] {
		if m.returning || m.Soft || !m.known {
			return
		}
		if m.ahead() {
			// Units that came back above a limit that has shrunk are not spent.
			issued = min(issued, m.avail, m.room(now))
		}
	}
	if issued < minPool || a.shaped == 0 || a.gone {
		return
	}
	of := slices.Clone(a.shape[:a.shaped])
	p := &pool{of: of, meters: make([]store.Meter, len(of)), states: make([]store.State, len(of)), issued: issued}
	for i, m := range of {
		m.state = m.here(&m.Meter, now, 0)
		p.meters[i], p.states[i] = m.Meter, m.state
		m.avail -= issued
		m.inPool = true
	}
	p.left.Store(issued)
	p.low.Store(issued / 2)
	a.pool.Store(p)
}

const (
	minPool = 4       // units with which a pool is opened at least
	maxPool = 1 << 20 // and at most, where nothing is limited
)

// close closes p, and returns what it had left.
func (p *pool) close() int64 { return p.left.Swap(closedPool) }

// take takes n units of each meter, if there are some, and has the next block fetched
// when half of them are spent. If that is not possible then, it is tried again when half
// of the rest is spent. So one charge takes the lock, and not all of them.
func (p *pool) take(l *Counter, a *account, n int64) (left int64, ok bool) {
	if n <= 0 {
		return 0, false
	}
	if left, ok = p.spend(n); !ok {
		return 0, false
	}
	if low := p.low.Load(); left < low && p.low.CompareAndSwap(low, left/2) {
		l.refill(a)
	}
	return left, true
}

// spend takes n units, and returns how many are left.
func (p *pool) spend(n int64) (left int64, ok bool) {
	for {
		left = p.left.Load()
		if left < n {
			return 0, false
		}
		if p.left.CompareAndSwap(left, left-n) {
			return left - n, true
		}
	}
}

// units returns how many units a part takes of each meter, or 0 if p is not for it.
func (p *pool) units(part *store.Part) int64 {
	if len(part.Meters) != len(p.meters) || len(part.N) != len(p.meters) || part.Last != nil ||
		part.Levels != nil && len(part.Levels) != len(p.meters) {
		return 0
	}
	n := part.N[0]
	for i := range p.meters {
		if part.N[i] != n || part.Meters[i] != p.meters[i] {
			return 0
		}
	}
	return n
}

// show sets l to the level of the i-th meter after a charge that left that many units in
// the pool.
func (p *pool) show(i int, left, wall, now int64, l *store.Level) {
	m, s := &p.meters[i], p.states[i]
	if m.IsWindow() {
		s.Window.Used += p.issued - left
		s.Window.Spend(m, wall, 0, l)
		return
	}
	b := topUp(s.Bucket, m, left-p.issued)
	b.Spend(m, now, 0, l)
}
