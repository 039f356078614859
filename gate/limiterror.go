package gate

import (
	"fmt"
	"strings"
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

// Error returns a text with the reason, the limits that refused, their payers and units,
// and the wait. It contains no secret.
func (e *LimitError) Error() string {
	s := "gate: refused: " + e.Reason.String()
	for i, l := range e.Limits {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		s += separator + l.withUnit() + " of " + l.Payer.String()
	}
	if e.RetryAfter > 0 && e.RetryAfter != store.Never {
		s += fmt.Sprintf(": retry after %v", e.RetryAfter)
	}
	return s
}

// withUnit returns the name of the limit, and its unit unless the name says it. Without a
// unit the limit is one of requests.
func (l *RefusedLimit) withUnit() string {
	if l.Unit == usageplan.Requests || strings.Contains(l.Name, l.Unit) {
		return l.Name
	}
	return l.Name + " (" + l.Unit + ")"
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
