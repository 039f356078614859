package gate

import (
	"time"

	"github.com/ration-go/ration/store"
)

// peek decides by levels that were only read.
func (d *Decision) peek(req *Request, p *pending) {
	d.Allowed, d.Reason = d.meters.peekPart(d.keyLevels(), &p.parts[0], req), Admitted
	for i, l := 1, d.groups; l != nil; i, l = i+1, l.above {
		fits := l.meters.peekPart(l.levels(), &p.parts[i], req)
		d.Allowed = d.Allowed && fits
	}
	for i := range p.sharedParts() {
		part := &p.sharedParts()[i]
		if l := &part.Levels[0]; l.Remaining() < 1 {
			d.Allowed = d.Allowed && part.Meters[0].Soft
			l.Wait = waitFor(&part.Meters[0], 1, l)
		}
	}
	if !d.Allowed {
		d.explainRefusal(p)
	}
}

// peekPart reports whether a part that was only read has room for a request. It sets the
// Wait of each limit that has none.
func (m *meters) peekPart(levels []store.Level, part *store.Part, req *Request) (fits bool) {
	fits = true
	for i := range m.list[:len(m.list)-m.ids] {
		l, n := &part.Levels[i], m.amount(i, req)
		if n <= l.Remaining() {
			continue
		}
		if i < len(m.limits) {
			levels[i].Wait = waitFor(&m.list[i], n, l)
		}
		fits = fits && part.Meters[i].Soft
	}
	return fits
}

// waitFor returns how long until m, which stands at l, admits n units. It has fewer now.
func waitFor(m *store.Meter, n int64, l *store.Level) time.Duration {
	switch {
	case n > m.Max:
		return store.Never
	case m.IsWindow():
		return l.Reset // a window admits nothing more until it ends
	default:
		return untilTokens(m, l, n-l.Remaining())
	}
}

// untilTokens returns how long until a bucket that stands at l has the missing tokens.
// That is the time until it is full, less the time for the tokens beyond those. A Level
// has whole tokens only, but its Reset is exact, so this is more exact than the time for
// the missing tokens alone. The result is at most a microsecond too long.
func untilTokens(m *store.Meter, l *store.Level, missing int64) time.Duration {
	if l.Reset == store.Never || m.Rate.Tokens == 0 {
		return store.Never
	}
	spare := (l.Used - missing) * m.Rate.Per / m.Rate.Tokens
	return l.Reset - time.Duration(spare)*time.Microsecond
}
