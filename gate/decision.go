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

	binding *binding // has the key's subject; nil if the key or its plan is unknown
	meters  *meters
	levels  [maxLimits]store.Level // of Limits, in their order
	groups  *groupLevels           // of the key's group, or nil
	refuser *refuser               // a throttle that refused without a Level, or nil
}

// A refuser is a throttle that refused a request, and whose level is not shown: a shared
// throttle, or a token bucket of this process while the Counter fails.
type refuser struct {
	payer Payer
	name  string // see Limit.Name
	rate  store.Rate
}

// maxLimits is how many limits of one payer a request can meet: a throttle and its
// quotas.
const maxLimits = 1 + usageplan.MaxQuotas

// Subject returns the subject that was charged, or would have been. It is empty if the
// key or its plan is unknown.
func (o *Outcome) Subject() string {
	if o.binding == nil {
		return ""
	}
	return o.binding.subject
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
	Payer Payer // the one that has the limit
	Limit
	store.Level
}

// Limits returns the throttles and quotas of the key that the decision was about, in the
// order of the plan. It is empty if the key or its plan is unknown, or if the store
// failed.
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
			if !yield(Level{Payer{PayerKey, o.Key.ID}, limit, o.levels[i]}) {
				return
			}
		}
	}
}

// GroupLevels returns a sequence of the limits of the groups above the key, each with its
// Level. The key's own group comes first, and the root last. It is empty if Limits would
// be empty for want of a key or a store.
func (o *Outcome) GroupLevels() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for g := o.groups; g != nil; g = g.above {
			for i, limit := range g.meters.limits {
				if !yield(Level{Payer{PayerGroup, g.node.group.ID}, limit, g.levels[i]}) {
					return
				}
			}
		}
	}
}

// Refusals returns a sequence of the limits that refused: those of the key, then those of
// its groups. If none of these refused, it is the shared throttle that did, with the name
// "throttle". Of a shared throttle the Level has the Wait only. The same holds for a
// token bucket of this process, which refused because the Counter failed.
func (o *Outcome) Refusals() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for _, levels := range []iter.Seq[Level]{o.Levels(), o.GroupLevels()} {
			for l := range levels {
				if l.Wait > 0 && !yield(l) {
					return
				}
			}
		}
		if r := o.refuser; r != nil {
			yield(Level{r.payer, Limit{Name: r.name, Rate: r.rate}, store.Level{Wait: o.RetryAfter}})
		}
	}
}

// RefusedBy returns the payer of the first of Refusals, and whether there is one. It does
// not allocate.
func (o *Outcome) RefusedBy() (p Payer, ok bool) {
	if o.Allowed {
		return Payer{}, false
	}
	for i := range o.Limits() {
		if o.levels[i].Wait > 0 {
			return Payer{PayerKey, o.Key.ID}, true
		}
	}
	for g := o.groups; g != nil; g = g.above {
		for i := range g.meters.limits {
			if g.levels[i].Wait > 0 {
				return Payer{PayerGroup, g.node.group.ID}, true
			}
		}
	}
	if o.refuser != nil {
		return o.refuser.payer, true
	}
	return Payer{}, false
}
