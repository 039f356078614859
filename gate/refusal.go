package gate

import (
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// A LimitError is a refusal as an error, for callers that prefer one. Outcome.Err returns
// it.
type LimitError struct {
	Reason     Reason
	Limits     []string      // the names of the plan's limits that refused
	Shared     string        // the shared throttle that refused; see Outcome.SharedLimit
	RetryAfter time.Duration // see Outcome.RetryAfter
}

// Error returns a text with the reason, the limits that refused and the wait. It contains
// no secret.
func (e *LimitError) Error() string {
	s := "gate: refused: " + e.Reason.String()
	if len(e.Limits) > 0 {
		s += ": " + strings.Join(e.Limits, ", ")
	}
	if e.Shared != "" {
		s += ": the throttle that all requests of the " + e.Shared + " share"
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
	e := &LimitError{Reason: o.Reason, Shared: o.SharedLimit(), RetryAfter: o.RetryAfter}
	for l := range o.Levels() {
		if l.Wait > 0 {
			e.Limits = append(e.Limits, l.Name)
		}
	}
	return e
}

// explainRefusal sets Reason and RetryAfter after a refusal. The limit with the longest
// wait gives them, since the request fits only when that limit admits it. A shared
// throttle gives them only if none of the key's own limits refused.
//
// If no limit refused, the usage record did. It has no limit but what a store can count,
// so the cost can never fit.
func (d *Decision) explainRefusal(p *pending) {
	for i := range d.meters.limits {
		if wait := d.levels[i].Wait; wait > d.RetryAfter {
			d.RetryAfter = wait
			d.Reason = QuotaExceeded
			if i < d.meters.throttles {
				d.Reason = Throttled
			}
		}
	}
	if d.RetryAfter == 0 {
		d.blameShared(p)
	}
	if d.RetryAfter == 0 || d.RetryAfter == store.Never {
		d.Reason, d.RetryAfter = NeverFits, store.Never
	}
}

// blameShared sets Reason and RetryAfter after the refusal of a shared throttle.
func (d *Decision) blameShared(p *pending) {
	for i := range p.Parts[1:] {
		if wait := p.Parts[1+i].Levels[0].Wait; wait > d.RetryAfter {
			d.Reason, d.RetryAfter, d.shared = Throttled, wait, p.shared[i]
		}
	}
}

// peek decides by levels that were only read. throttle and cost are what the throttles,
// and the quotas and the usage record, would be charged.
func (d *Decision) peek(throttle, cost int64, p *pending) {
	room := p.parts[0].Levels[len(d.meters.limits)].Remaining() // of the usage record
	d.Allowed, d.Reason = cost <= room, Admitted
	for i := range d.meters.limits {
		n := cost
		if i < d.meters.throttles {
			n = throttle
		}
		l := &d.levels[i]
		if n > l.Remaining() {
			d.Allowed = false
			l.Wait = waitFor(&d.meters.list[i], n, l)
		}
	}
	for i := range p.Parts[1:] {
		part := &p.Parts[1+i]
		if l := &part.Levels[0]; l.Remaining() < 1 {
			d.Allowed = false
			l.Wait = waitFor(&part.Meters[0], 1, l)
		}
	}
	if !d.Allowed {
		d.explainRefusal(p)
	}
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
