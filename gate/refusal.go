package gate

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A LimitError is a refusal as an error, for callers that prefer one. Outcome.Err returns
// it.
type LimitError struct {
	Reason     Reason
	Limits     []RefusedLimit // those that refused, in the order of Outcome.Refusals
	RetryAfter time.Duration  // see Outcome.RetryAfter
}

// A RefusedLimit is one limit that refused a request.
type RefusedLimit struct {
	Payer Payer
	Name  string        // see Limit.Name
	Unit  string        // see Limit.Unit
	Wait  time.Duration // until the limit admits the request, or store.Never
}

// Error returns a text with the reason, the limits that refused and the wait. It contains
// no secret.
func (e *LimitError) Error() string {
	s := "gate: refused: " + e.Reason.String()
	for i, l := range e.Limits {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		s += separator + l.Name + " of " + l.Payer.String()
	}
	if e.RetryAfter > 0 && e.RetryAfter != store.Never {
		s += fmt.Sprintf(": retry after %v", e.RetryAfter)
	}
	return s
}

// Err returns nil if the request was allowed. Otherwise it returns a *LimitError.
func (o *Outcome) Err() error {
	if o.Allowed {
		return nil
	}
	e := &LimitError{Reason: o.Reason, RetryAfter: o.RetryAfter}
	for l := range o.Refusals() {
		e.Limits = append(e.Limits, RefusedLimit{l.Payer, l.Name, l.Unit, l.Wait})
	}
	return e
}

// explainRefusal sets Reason and RetryAfter after a refusal. The limit with the longest
// wait gives them, since the request fits only when that limit admits it. A shared
// throttle gives them only if no limit of the key and its groups refused.
//
// If no limit refused, a usage record did. It has no limit but what a store can count,
// so the cost can never fit.
func (d *Decision) explainRefusal(p *pending) {
	d.blame(d.meters, d.own())
	for l := d.groups; l != nil; l = l.above {
		d.blame(l.meters, l.levels[:])
	}
	if d.RetryAfter == 0 {
		d.blameShared(p)
	}
	if d.RetryAfter == 0 || d.RetryAfter == store.Never {
		d.Reason, d.RetryAfter = NeverFits, store.Never
	}
}

// blame sets Reason and RetryAfter if a limit of m has a longer wait than those before.
func (d *Decision) blame(m *meters, levels []store.Level) {
	for i := range m.limits {
		if wait := levels[i].Wait; wait > d.RetryAfter && !m.limits[i].Soft {
			d.RetryAfter = wait
			d.Reason = QuotaExceeded
			if i < m.throttles {
				d.Reason = Throttled
			}
		}
	}
}

// blameShared sets Reason and RetryAfter after the refusal of a shared throttle.
func (d *Decision) blameShared(p *pending) {
	for i, part := range p.sharedParts() {
		if wait := part.Levels[0].Wait; wait > d.RetryAfter {
			d.Reason, d.RetryAfter, d.refuser = Throttled, wait, &p.shared[i].refuser
		}
	}
}

// peek decides by levels that were only read, for a request of these costs.
func (d *Decision) peek(costs *usageplan.Costs, p *pending) {
	d.Allowed, d.Reason = d.meters.peek(d.own(), &p.parts[0], costs), Admitted
	for i, l := 1, d.groups; l != nil; i, l = i+1, l.above {
		fits := l.meters.peek(l.levels[:], &p.parts[i], costs)
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

// peek reports whether a part that was only read has room for a request. It sets the Wait
// of each limit that has not.
func (m *meters) peek(levels []store.Level, part *store.Part, costs *usageplan.Costs) (fits bool) {
	fits = true
	for i := range m.list[:len(m.list)-m.ids] {
		l, n := &part.Levels[i], m.amount(i, costs)
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
