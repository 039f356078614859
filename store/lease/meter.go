package lease

import (
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// meter is what an account holds of one meter.
type meter struct {
	store.Meter

	// avail is how many units are paid and not spent. Of a meter that is charged afterwards
	// it is at most 0: the units that are spent and not yet charged. While a pool is open,
	// the units of the pool are not part of it.
	avail int64

	// state is how this process sees m: without the units that are paid and not spent, and
	// with those that are spent and not yet charged.
	state store.State

	taken    int64 // how many units were spent since the last settlement
	last     int64 // how many units the last block should have had
	counting int64 // how many leased units the inner Counter counts, see store.LeasedSubject

	unused int // how many settlements found nothing of it

	// A charge of at least refused units was refused, and will be until the instant until.
	refused, until int64

	fits int64 // when a charge of refused units fits
	fast bool  // the refusal counts although there seems to be room, see refuse

	known  bool // state is there
	inPool bool // the open pool has units of it

	// returning says that avail must not be spent any more. It is only to be given back.
	// After that, the next charge resets the meter.
	returning bool
}

func newMeter(x *store.Meter) *meter {
	m := &meter{Meter: *x}
	m.Name = strings.Clone(x.Name)
	return m
}

// ahead reports whether units of m are paid before they are spent. A usage record and a
// soft quota refuse nothing, so they are charged afterwards, by what was spent. A soft
// bucket is paid ahead: whether it would have refused depends on each charge. A charge
// that forces units upon a limit (see sameFigures) does not change what m is.
func (m *meter) ahead() bool {
	return !m.IsWindow() || !m.Soft && m.Max < store.Unlimited
}

// is reports whether m counts what x does, whatever their figures are.
func (m *meter) is(x *store.Meter) bool {
	return m.Start == x.Start && m.IsWindow() == x.IsWindow() && m.Name == x.Name
}

// sameFigures reports whether m has the limit of x. A charge may force units upon a
// limit, as a settlement of costs does: x is then unlimited, or soft. That is no change
// of the limit.
func (m *meter) sameFigures(x *store.Meter) bool {
	return (m.Max == x.Max || x.IsWindow() && x.Max >= store.Unlimited) &&
		m.Rate == x.Rate && m.End == x.End && m.Rare == x.Rare && (x.Soft || !m.Soft)
}

// here returns the state of m if the open pool has given out that many units. The bucket
// is that of the instant now.
func (m *meter) here(x *store.Meter, now, pooled int64) (s store.State) {
	s = m.state
	if m.inPool {
		s = without(s, x, pooled)
	}
	if !m.IsWindow() {
		s.Bucket, _, _ = s.Bucket.Take(x, now, 0)
	}
	return s
}

// without returns s after n units were taken.
func without(s store.State, x *store.Meter, n int64) store.State {
	if x.IsWindow() {
		s.Window.Used = max(0, s.Window.Used+n)
	} else {
		s.Bucket = topUp(s.Bucket, x, -n)
	}
	return s
}

// topUp returns b with n more tokens, or fewer if n is negative: see after.
func topUp(b store.Bucket, x *store.Meter, n int64) store.Bucket {
	if b.Per == 0 { // full
		b = store.Bucket{Tokens: x.Max, Per: max(x.Rate.Per, 1), Last: b.Last}
	}
	if b.Tokens = max(-x.Max, b.Tokens+n); b.Tokens >= x.Max {
		b.Tokens, b.Part = x.Max, 0
	}
	return b
}

// inner returns what the inner Counter has of m: the units used of a window, or the
// tokens of a bucket. The lock is held, and no pool has units of m.
func (m *meter) inner(now int64) int64 {
	if m.IsWindow() {
		return m.state.Window.Used + m.avail
	}
	b, _, _ := m.state.Bucket.Take(&m.Meter, now, 0)
	return max(0, b.Tokens-m.avail)
}

// helps reports whether what is leased of m can help a charge of n units. It cannot if
// the limit is lower than what is used, or than n.
func (m *meter) helps(x *store.Meter, n int64, t instant) bool {
	if !m.IsWindow() {
		return n <= x.Max
	}
	_, _, fits := m.state.Window.Take(x, t.wall, n)
	return fits
}

// room returns how many units the limit of m has room for, as far as this process knows.
func (m *meter) room(now int64) int64 {
	s := m.here(&m.Meter, now, 0)
	if !m.IsWindow() {
		return s.Bucket.Tokens
	}
	return min(max(m.Max+s.Window.Extra, 0), store.MaxUnits) - s.Window.Used
}

// canTakeBack reports whether -n units are used, as far as this process knows. n is
// negative, and may be so great that -n overflows.
func (m *meter) canTakeBack(n, now int64) bool {
	if !m.IsWindow() {
		return m.known && n >= m.here(&m.Meter, now, 0).Bucket.Tokens-m.Max
	}
	return m.known && n >= -m.state.Window.Used
}

// returnable returns how many units the inner Counter takes back. A bucket that is full
// takes none.
func (m *meter) returnable(now int64) int64 {
	if m.IsWindow() {
		return m.avail
	}
	return min(m.avail, m.Max-m.inner(now))
}

// seen returns what the inner Counter said of m as this process sees it. now is the
// instant of the answer. No pool has units of m.
func (m *meter) seen(x *store.Meter, l *store.Level, now int64) store.State {
	s := m.state
	if m.IsWindow() {
		s.Window.Used = max(0, l.Used-m.avail)
		if x.Max < store.Unlimited {
			s.Window.Extra = l.Max - x.Max
		}
		return s
	}
	b := bucketOf(x, l, now)
	s.Bucket = topUp(b, x, m.avail)
	return s
}

// bucketOf returns the bucket that has a level at the instant now. The level does not
// have the fraction of a token, but the time until the bucket is full has it.
func bucketOf(x *store.Meter, l *store.Level, now int64) store.Bucket {
	b := store.Bucket{Tokens: l.Max - l.Used, Per: max(x.Rate.Per, 1), Last: now}
	if l.Used <= 0 || l.Reset == store.Never || x.Rate.Tokens == 0 {
		return b
	}
	missing := l.Used * b.Per // and less, if there is a fraction
	refill := l.Reset.Microseconds() * x.Rate.Tokens
	switch most := (missing-1)/x.Rate.Tokens + 1; {
	case l.Reset.Microseconds() > most: // the bucket waits for a clock that stepped back
		b.Last += l.Reset.Microseconds() - most
	case refill < missing:
		b.Part = min(missing-refill, b.Per-1)
	}
	return b
}

// refuse remembers that a charge of n units was refused, until it fits.
func (m *meter) refuse(n int64, wait time.Duration, now, block int64) {
	if m.remembers(n, now) {
		return // a smaller charge is refused, too
	}
	until := now + min(wait, maxRefusal).Microseconds()
	if m.fast = m.isFast(block); m.fast {
		// A bucket that gets many tokens within a block is asked twice within a block, so
		// that there are some to be leased.
		until = max(until, now+min(block/2, m.Max*m.Rate.Per/m.Rate.Tokens/4))
	}
	m.refused, m.until, m.fits = n, until, store.MaxUnits
	if wait < maxRefusal {
		m.fits = now + wait.Microseconds()
	}
}

// isFast reports whether m is a bucket that gets many tokens within a block.
func (m *meter) isFast(block int64) bool {
	return m.Rate.Tokens > 0 && m.Rate.Per/m.Rate.Tokens < block/8
}

// maxRefusal bounds how long a refusal is remembered. Another process may have given
// units back meanwhile.
const maxRefusal = time.Second

// refuses reports whether a charge of n units is refused without asking.
func (m *meter) refuses(x *store.Meter, n, now int64) bool {
	limited := !x.Soft && !(x.IsWindow() && x.Max >= store.Unlimited)
	return limited && n > m.avail && m.remembers(n, now)
}

// remembers reports whether a charge of n units, or of fewer, was refused of late.
func (m *meter) remembers(n, now int64) bool {
	return m.refused > 0 && n >= m.refused && now < m.until
}

// wait returns how long a charge of n units has to wait that is refused without asking.
// known is what the state of the meter says.
func (m *meter) wait(n, now int64, known time.Duration) time.Duration {
	switch {
	case n == m.refused && m.fits > now && m.fits < store.MaxUnits:
		return time.Duration(m.fits-now) * time.Microsecond
	case known == 0:
		return time.Duration(m.until-now) * time.Microsecond
	}
	return known
}

// waitOf returns how long a charge of n units has to wait that l refuses.
func waitOf(x *store.Meter, n int64, l *store.Level) time.Duration {
	switch {
	case n > x.Max || x.IsWindow() && l.Reset == 0:
		return store.Never
	case x.IsWindow():
		return l.Reset
	}
	return l.Wait
}

// forget forgets a refusal, after units may have come back.
func (m *meter) forget() { m.refused = 0 }
