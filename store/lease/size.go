package lease

import (
	"github.com/ration-go/ration/store"
)

// block returns how many units the next settlement pays ahead for a meter. It is negative
// if the account holds far more than it needs.
//
// A block lasts as long as Config says at the rate at which units were spent since the
// last settlement. What is held is at most a part of the limit, so that blocks shrink
// near it, and the last units go out one by one.
func (l *Counter) block(a *account, m *meter, now int64) int64 {
	if !m.known {
		return 0
	}
	inner := m.inner(now + a.shift)
	target := min(l.want(a, m, now), l.cfg.Units, m.share(inner))
	switch {
	case m.avail > 4*target || m.avail > l.cfg.Units:
		return target - m.avail
	case m.IsWindow():
		return max(0, target-m.avail)
	}
	return max(0, min(target-m.avail, inner/2)) // some tokens stay for other processes
}

// nextBlock returns how many units the next settlement pays ahead for a meter. If it is
// not known where the meter stands, that is the most that could be.
func (l *Counter) nextBlock(a *account, m *meter, now int64) int64 {
	if !m.known {
		return min(firstBlock, l.cfg.Units, m.share(0))
	}
	return l.block(a, m, now)
}

// want returns how many units a block has, if there is no limit.
func (l *Counter) want(a *account, m *meter, now int64) int64 {
	span := max(now-a.began, minSpan)
	lasts := max(l.cfg.Block.Microseconds(), 4*a.roundTrip)
	want := int64(min(float64(m.taken)*float64(lasts)/float64(span), store.MaxUnits))
	if span < lasts/4 {
		want = max(want, m.last) // too short a time to tell that less is needed
	}
	if a.dry {
		// The units that were wanted are more than those that were spent.
		want = max(want, 2*m.last)
	}
	return min(want, max(4*m.last, firstBlock))
}

const (
	minSpan    = 100 // µs: a shorter time says nothing of a rate
	firstBlock = 16  // units; after that a block is at most four times the last one
)

// share returns how many units one process may hold: a part of what remains of a quota,
// or of the burst. inner is what the inner Counter has used of the quota.
func (m *meter) share(inner int64) int64 {
	if !m.IsWindow() {
		return m.Max / shares
	}
	limit := min(max(m.Max+m.state.Window.Extra, 0), store.MaxUnits)
	return max(0, limit-inner) / shares
}

// shares is how many processes could hold as much as one may.
const shares = 16
