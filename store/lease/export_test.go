package lease

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
