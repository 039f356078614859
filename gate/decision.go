package gate

import (
	"iter"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Decision is the answer to one Request: an Outcome, and what Gate.Settle needs to
// correct its charge once. Settle and Refund take a pointer, and so does whatever hands a
// Decision on.
//
// A Decision must not be copied: the copy could be settled a second time, and what was
// charged once would be given back twice. The go vet command reports such copies. The
// Outcome may be copied and kept.
type Decision struct {
	_       noCopy
	settled uint32
	Outcome
}

// noCopy makes the copylocks check of go vet report copies of what has such a field.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Outcome is what was decided. It may be copied and kept. What it points to is shared and
// read only.
type Outcome struct {
	// Allowed says whether the request may go on; Reason why, or why not. With Reason
	// StoreFailed it is what the Gate's failure policy says. Repeated means that a request
	// of the same ID was charged before: this one is allowed, whatever the limits, and was
	// charged nothing.
	Allowed  bool
	Reason   Reason
	Repeated bool

	// Key is who asked, nil if that is unknown. Plan is the one that counted, nil if there
	// was none.
	Key  *apikey.Key
	Plan *usageplan.Plan

	// Cost is what the quotas and the usage record were charged, if Allowed.
	Cost int64

	// RetryAfter is how long to wait until the same request would be admitted if nobody else
	// comes: the longest wait of those limits that refused. Zero if none did; store.Never if
	// waiting does not help.
	RetryAfter time.Duration

	subject string
	meters  *meters
	levels  [1 + usageplan.MaxQuotas]store.Level // of what limits: not of the usage record
	shared  *shared                              // the throttle that refused
}

// Subject is who paid, or would have; empty if that is unknown.
func (o *Outcome) Subject() string { return o.subject }

// Names of shared throttles.
const (
	SharedAccount = "account" // Config.Account
	SharedStage   = "stage"   // one of Config.Stages
)

// SharedLimit returns the name of the shared throttle that refused, SharedAccount or
// SharedStage. It is empty if none did. The levels of Limits are then those of the key's
// own limits, none of which refused.
func (o *Outcome) SharedLimit() string {
	if o.shared == nil {
		return ""
	}
	return o.shared.meter.Name
}

// Limit is one throttle or quota that a decision was about.
type Limit struct {
	// Name is "throttle", or "throttle " and the route, or the quota's name.
	Name string

	// Rate refills a throttle; zero for a quota. Start and End are a quota's window; zero
	// for a throttle.
	Rate       store.Rate
	Start, End time.Time
}

// IsQuota tells a quota from a throttle.
func (l *Limit) IsQuota() bool { return !l.End.IsZero() }

// Level is where a limit stands after a decision. Its Wait is not zero if this limit
// refused.
type Level struct {
	Limit
	store.Level
}

// Limits is each throttle and quota that the decision was about, in the order of the
// plan. There is none where the key or plan is unknown, or the store failed. All
// decisions by one plan and route have the same slice while its windows last, so it is
// read only.
func (o *Outcome) Limits() []Limit {
	if o.meters == nil {
		return nil
	}
	return o.meters.limits
}

// Level is where the i-th of Limits stands.
func (o *Outcome) Level(i int) store.Level { return o.levels[i] }

// Levels is Limits, each with its Level.
func (o *Outcome) Levels() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for i, limit := range o.Limits() {
			if !yield(Level{limit, o.levels[i]}) {
				return
			}
		}
	}
}
