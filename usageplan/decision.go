package usageplan

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
)

// Reason is why a request was admitted or not; its String is a metric's label.
type Reason uint8

// The reasons. The zero Reason is that of no decision. The four of authentication are for logs and metrics: to the outside
// they are one.
const (
	Admitted      Reason = iota + 1
	Unknown              // no such key, or a secret that is not of the Format
	Disabled             // the key is disabled
	Expired              // the key has expired
	NoPlan               // no plan of the key is for this API stage
	Throttled            // the token bucket has too few tokens; wait
	QuotaExceeded        // a window's allowance is used up until it ends
	NeverFits            // the cost is above what the throttle or quota can ever hold, or the plan blocks
	StoreFailed          // a store of keys, plans or counters did not answer
	Invalid              // the Request breaks a rule: a fault of the calling service
)

var reasons = [...]string{"none", "admitted", "unknown", "disabled", "expired", "no_plan", "throttled", "quota_exceeded",
	"never_fits", "store_failed", "invalid"}

// String is the reason in snake case.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Decision is the answer to one Request. What it points to is shared and read only.
type Decision struct {
	// Allowed says whether the request may go on; Reason why, or why not. With Reason StoreFailed it is what the Gate's
	// failure policy says. Repeated means that a request of the same ID was charged before: this one is allowed, whatever
	// the limits, and was charged nothing.
	Allowed  bool
	Reason   Reason
	Repeated bool
	settled  uint32 // here, where it takes no room

	// Key is who asked, nil if that is unknown. Plan is the one that counted, nil if there was none.
	Key  *apikey.Key
	Plan *Plan

	// Cost is what the quotas and the usage record were charged, if Allowed.
	Cost int64

	// RetryAfter is how long to wait until the same request would be admitted if nobody else comes: the longest wait of
	// those limits that refused. Zero if none did; store.Never if waiting does not help.
	RetryAfter time.Duration

	subject string
	meters  *meters
	levels  [1 + MaxQuotas]store.Level // of what limits: not of the usage record
	shared  *shared                    // the throttle that refused
}

// Subject is who paid, or would have; empty if that is unknown.
func (d *Decision) Subject() string { return d.subject }

// Limit is one throttle or quota that a decision was about.
type Limit struct {
	// Name is "throttle", or "throttle " and the route, or the quota's name.
	Name string

	// Rate refills a throttle; zero for a quota. Start and End are a quota's window; zero for a throttle.
	Rate       store.Rate
	Start, End time.Time
}

// IsQuota tells a quota from a throttle.
func (l *Limit) IsQuota() bool { return !l.End.IsZero() }

// Level is where a limit stands after a decision. Its Wait is not zero if this limit refused.
type Level struct {
	Limit
	store.Level
}

// Limits is each throttle and quota that the decision was about, in the order of the plan. There is none where the key or
// plan is unknown, or the store failed. All decisions by one plan and route have the same slice while its windows last, so it
// is read only.
func (d *Decision) Limits() []Limit {
	if d.meters == nil {
		return nil
	}
	return d.meters.limits
}

// Level is where the i-th of Limits stands.
func (d *Decision) Level(i int) store.Level { return d.levels[i] }

// Levels is Limits, each with its Level.
func (d *Decision) Levels() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for i, limit := range d.Limits() {
			if !yield(Level{limit, d.levels[i]}) {
				return
			}
		}
	}
}

// LimitError is a refusal as an error, for callers that want one.
type LimitError struct {
	Reason     Reason
	Limits     []string      // the names of all that refused; "account" and "stage" are shared throttles
	RetryAfter time.Duration // as Decision has it
}

// Error names the reason, the limits that refused and the wait, and nothing secret.
func (e *LimitError) Error() string {
	s := "usageplan: refused: " + e.Reason.String()
	if len(e.Limits) > 0 {
		s += ": " + strings.Join(e.Limits, ", ")
	}
	if e.RetryAfter > 0 && e.RetryAfter != store.Never {
		s += fmt.Sprintf(": retry after %v", e.RetryAfter)
	}
	return s
}

// Err is nil if the request was allowed, else a *LimitError.
func (d *Decision) Err() error {
	if d.Allowed {
		return nil
	}
	e := &LimitError{Reason: d.Reason, RetryAfter: d.RetryAfter}
	for l := range d.Levels() {
		if l.Wait > 0 {
			e.Limits = append(e.Limits, l.Name)
		}
	}
	if d.shared != nil {
		e.Limits = append(e.Limits, d.shared.meter.Name)
	}
	return e
}

// refuse fills in why the meters refused: by the longest wait of those that did. If it was the usage record alone, the cost
// is above all that can be counted.
func (d *Decision) refuse() {
	for i := range d.meters.limits {
		if wait := d.levels[i].Wait; wait > d.RetryAfter {
			d.RetryAfter = wait
			d.Reason = QuotaExceeded
			if i < d.meters.throttles {
				d.Reason = Throttled
			}
		}
	}
	if d.RetryAfter == 0 || d.RetryAfter == store.Never {
		d.Reason, d.RetryAfter = NeverFits, store.Never
	}
}

// peek decides by levels that were only read: whether a charge of so much would have fitted, and how long until then. The
// usage record has room for so much more.
func (d *Decision) peek(throttle, cost, room int64) {
	d.Allowed, d.Reason = cost <= room, Admitted
	for i := range d.meters.limits {
		m, l, n := &d.meters.list[i], &d.levels[i], cost
		if i < d.meters.throttles {
			n = throttle
		}
		if missing := n - l.Remaining(); missing <= 0 {
			continue
		} else if d.Allowed = false; n > m.Max {
			l.Wait = store.Never
		} else if l.Wait = l.Reset; i < d.meters.throttles {
			l.Wait = untilTokens(m, missing)
		}
	}
	if !d.Allowed {
		d.refuse()
	}
}

// untilTokens is how long a bucket takes for so many tokens that it lacks, as if it had no part of the first.
func untilTokens(m *store.Meter, missing int64) time.Duration {
	if m.Rate.Tokens == 0 {
		return store.Never
	}
	return time.Duration((missing*m.Rate.Per-1)/m.Rate.Tokens+1) * time.Microsecond
}
