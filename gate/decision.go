package gate

import (
	"iter"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Decision is the answer to one Request. It has an Outcome, and what Gate.Settle needs
// to correct the charge once. Functions that hand a Decision on should take a pointer, as
// Settle and Refund do.
//
// Caution: a Decision must not be copied. The copy could be settled a second time, and
// the same charge would be given back twice. The go vet command reports such copies. The
// Outcome may be copied and kept.
type Decision struct {
	_       noCopy
	settled uint32
	Outcome
}

// noCopy makes the copylocks check of go vet report copies of a struct that contains it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// An Outcome says what was decided. It may be copied and kept. What it points to is
// shared and must not be changed.
type Outcome struct {
	// Allowed reports whether the request may proceed, and Reason says why. With the
	// Reason StoreFailed a request is allowed if the Gate's failure policy says so.
	//
	// Repeated reports that a request of the same ID was charged before. Such a request is
	// allowed whatever the limits are, and is charged nothing.
	Allowed  bool
	Reason   Reason
	Repeated bool

	// Key is the key that asked. It is nil if the key is unknown. Plan is the plan that
	// counted. It is nil if there was none.
	Key  *apikey.Key
	Plan *usageplan.Plan

	// Cost is what the quotas and the usage record were charged. It is zero if nothing was
	// charged.
	Cost int64

	// RetryAfter is the time until the same request would be admitted if no other request
	// came first. It is the longest wait of the limits that refused. It is zero if none
	// refused, and store.Never if waiting does not help.
	RetryAfter time.Duration

	subject string
	meters  *meters
	levels  [1 + usageplan.MaxQuotas]store.Level // of Limits, in their order
	shared  *shared                              // the shared throttle that refused, or nil
}

// Subject returns the subject that was charged, or would have been. It is empty if the
// key or its plan is unknown.
func (o *Outcome) Subject() string { return o.subject }

// The names of shared throttles, as SharedLimit returns them.
const (
	SharedAccount = "account" // Config.Account
	SharedStage   = "stage"   // one of Config.Stages
)

// SharedLimit returns the name of the shared throttle that refused, SharedAccount or
// SharedStage. It is empty if none did. If it is not empty, none of Limits refused, and
// their levels are those of the key's own limits.
func (o *Outcome) SharedLimit() string {
	if o.shared == nil {
		return ""
	}
	return o.shared.kind
}

// A Limit is one throttle or quota that a decision was about.
type Limit struct {
	// Name is "throttle", or "throttle " and the route, or the name of the quota.
	Name string

	// Rate is how fast a throttle refills. It is zero for a quota. Start and End are the
	// window of a quota. They are zero for a throttle.
	Rate       store.Rate
	Start, End time.Time
}

// IsQuota reports whether l is a quota. Otherwise it is a throttle.
func (l *Limit) IsQuota() bool { return !l.End.IsZero() }

// A Level says where a limit stands after a decision. Its Wait is not zero if this limit
// refused.
type Level struct {
	Limit
	store.Level
}

// Limits returns the throttles and quotas that the decision was about, in the order of
// the plan. It is empty if the key or its plan is unknown, or if the store failed.
//
// The slice must not be changed: all decisions by one plan and route share it while the
// windows of the plan last.
func (o *Outcome) Limits() []Limit {
	if o.meters == nil {
		return nil
	}
	return o.meters.limits
}

// Level returns where the i-th of Limits stands.
func (o *Outcome) Level(i int) store.Level { return o.levels[i] }

// Levels returns a sequence of Limits, each with its Level.
func (o *Outcome) Levels() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for i, limit := range o.Limits() {
			if !yield(Level{limit, o.levels[i]}) {
				return
			}
		}
	}
}
