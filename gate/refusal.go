package gate

import (
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// LimitError is a refusal as an error, for callers that want one.
type LimitError struct {
	Reason     Reason
	Limits     []string      // the names of the plan's limits that refused
	Shared     string        // the shared throttle that refused, as Outcome.SharedLimit has it
	RetryAfter time.Duration // as Decision has it
}

// Error names the reason, the limits that refused and the wait, and nothing secret.
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

// Err is nil if the request was allowed, else a *LimitError.
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

// refuse fills in why the meters refused: by the longest wait of those that did. If it
// was the usage record alone, the cost is above all that can be counted.
func (o *Outcome) refuse() {
	for i := range o.meters.limits {
		if wait := o.levels[i].Wait; wait > o.RetryAfter {
			o.RetryAfter = wait
			o.Reason = QuotaExceeded
			if i < o.meters.throttles {
				o.Reason = Throttled
			}
		}
	}
	if o.RetryAfter == 0 || o.RetryAfter == store.Never {
		o.Reason, o.RetryAfter = NeverFits, store.Never
	}
}

// peek decides by levels that were only read: whether a charge of so much would have
// fitted, and how long until then. The usage record has room for so much more.
func (o *Outcome) peek(throttle, cost, room int64) {
	o.Allowed, o.Reason = cost <= room, Admitted
	for i := range o.meters.limits {
		m, l, n := &o.meters.list[i], &o.levels[i], cost
		if i < o.meters.throttles {
			n = throttle
		}
		if missing := n - l.Remaining(); missing <= 0 {
			continue
		} else if o.Allowed = false; n > m.Max {
			l.Wait = store.Never
		} else if l.Wait = l.Reset; i < o.meters.throttles {
			l.Wait = untilTokens(m, *l, missing)
		}
	}
	if !o.Allowed {
		o.refuse()
	}
}

// untilTokens returns how long until a bucket that stands at l has the tokens that it
// lacks: the time until it is full, without the time for the tokens that are not asked
// for. It is at most a microsecond too long.
func untilTokens(m *store.Meter, l store.Level, missing int64) time.Duration {
	if l.Reset == store.Never || m.Rate.Tokens == 0 {
		return store.Never
	}
	spare := (l.Used - missing) * m.Rate.Per / m.Rate.Tokens
	return l.Reset - time.Duration(spare)*time.Microsecond
}
