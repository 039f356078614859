package lease

import "github.com/ration-go/ration/store"

// Eager makes every subject hot at its first charge.
func (l *Counter) Eager() *Counter {
	l.hotAfter = 1
	return l
}

// HasPool reports whether charges of a hot subject can be decided without a lock.
func (l *Counter) HasPool(subject string) bool {
	a := l.accounts.find(l.accounts.hash(subject), subject)
	return a != nil && a.pool.Load() != nil
}

// Refills returns how often charges that a pool decided wanted the next block, of n
// charges of one unit while no block can be had.
func Refills(n int64) (asked int) {
	l, a, p := &Counter{}, &account{gone: true}, &pool{issued: n}
	p.left.Store(n)
	p.low.Store(n / 2)
	for range n {
		low := p.low.Load()
		p.take(l, a, 1)
		if p.low.Load() != low {
			asked++
		}
	}
	return asked
}

// ForgetInPool forgets what was spent of a record that has no room for it, while a pool
// is open. It returns what the account then has of the record.
func ForgetInPool(record store.Meter) (avail int64) {
	m := newMeter(&record)
	m.known, m.state.Window.Used = true, store.MaxUnits+1
	a := &account{meters: []*meter{m}, shaped: 1}
	a.shape[0] = m
	a.openPool(0)
	a.pool.Load().take(&Counter{}, a, 10)
	a.forgetUncountable(a.meters)
	a.drain()
	return m.avail
}
