package gate

import (
	"iter"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Decision is the answer to one Request. It has an Outcome, and what Gate.Settle needs
// to correct the charge once. See Outcome for what it shows, such as Levels and Refusals.
// Functions that hand a Decision on should take a pointer, as Settle and Refund do.
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

// An Outcome says what was decided. It may be copied and kept. Its pointers are shared:
// nobody may change their targets.
type Outcome struct {
	// Allowed reports whether the request may proceed, and Reason says why. With the
	// Reason StoreFailed a request is allowed if the Gate's failure policy says so.
	//
	// Repeated reports that a request of the same ID was charged before. Such a request is
	// allowed whatever the limits are, and is charged nothing.
	Allowed  bool
	Reason   Reason
	Repeated bool

	// Peeked reports that Peek made the decision, and not Admit.
	Peeked bool

	// More reports that the decision was about further costs: see Request.More.
	More bool

	// Degraded reports that Config.OnFailure made the decision, because the Counter failed.
	// If such a request is allowed, it is not charged.
	Degraded bool

	// LookedUp reports that the request had its key read from the store, and did not share
	// the look-up of another request or find the answer in memory. With an error the look-up
	// may still go on.
	LookedUp bool

	// Key is the key that asked. It is nil if the key is unknown. Plan is the plan that
	// counted. It is nil if there was none.
	Key  *apikey.Key
	Plan *usageplan.Plan

	// Charged reports that the request was charged: one request unless More is set, and
	// Costs of the declared units. Otherwise Costs is zero.
	Charged bool
	stands  bool // fewLevels has the Standing
	Costs   usageplan.Costs

	// RetryAfter is the time until the same request would be admitted if no other request
	// came first. It is the longest wait of the limits that refused. It is zero if none
	// refused, and store.Never if waiting does not help.
	RetryAfter time.Duration

	binding    *binding // has the key's subject; nil if the key or its plan is unknown
	meters     *meters
	fewLevels  levelRoom               // of Limits, in their order
	manyLevels *[maxLimits]store.Level // instead of fewLevels, if there are more
	groups     *groupLevels            // of the key's group, or nil
	refuser    *refuser                // a throttle that refused without a Level, or would
}

// A refuser is a throttle that refused a request, and whose level is not shown: a shared
// throttle, or a token bucket of this process while the Counter fails. While Gate.Enforce
// is off, it is a shared throttle that would refuse.
type refuser struct {
	payer Payer
	plan  *usageplan.Plan // nil for a shared throttle
	limit Limit
	wait  time.Duration // if it would refuse; otherwise Outcome.RetryAfter has the wait
}

// maxLimits is how many limits of one payer a request can meet. Most plans have few, and
// a Decision that has room for all of them takes longer to return.
const (
	maxLimits = usageplan.MaxLimits
	fewLimits = 6
)

// setLevels copies the levels of Limits from those of a charge, which begin with them.
func (o *Outcome) setLevels(found []store.Level) {
	if len(o.meters.limits) > fewLimits {
		o.manyLevels = new([maxLimits]store.Level)
	}
	copy(o.keyLevels(), found)
}

// keyLevels returns the levels of Limits that were set. While o.stands, none are, and no
// limit is soft or refuses. Then all are zero and must not be changed.
func (o *Outcome) keyLevels() []store.Level {
	n := len(o.Limits())
	switch {
	case o.stands:
		return noLevels[:n]
	case o.manyLevels != nil:
		return o.manyLevels[:n]
	}
	return o.fewLevels[:n]
}

// noLevels is never changed.
var noLevels [fewLimits]store.Level

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
	// Name is "throttle" for the Throttle of the plan. For the throttle of a route it is
	// "throttle " and the route, such as "throttle GET /pets". A throttle of
	// usageplan.Plan.StageRoutes has the stage and a space before the route. Any other limit
	// has its own name. The name of a limit of usageplan.Plan.For comes after its class or
	// route and a space, such as "opus output_tokens/day".
	Name string

	// Unit is what a request uses of the limit: usageplan.Requests or a declared unit.
	Unit string

	// Soft says that the limit counts and never refuses.
	Soft bool

	// Rate is how fast a throttle refills. It is zero for a quota. Start and End are the
	// window of a quota. They are zero for a throttle.
	Rate       store.Rate
	Start, End time.Time
}

// IsQuota reports whether l is a quota. Otherwise it is a throttle.
func (l *Limit) IsQuota() bool { return !l.End.IsZero() }

// A Level says where a limit stands after a decision. Its Wait is not zero if this limit
// refused, or would have refused if it were not soft.
type Level struct {
	Payer Payer           // the one that has the limit
	Plan  *usageplan.Plan // the plan that has the limit; nil for a shared throttle
	Limit
	store.Level
}

// GroupPlans returns a sequence of the plans of the groups above the key. The key's own
// group comes first. A group without a plan has none.
func (o *Outcome) GroupPlans() iter.Seq[*usageplan.Plan] {
	return func(yield func(*usageplan.Plan) bool) {
		for g := o.groups; g != nil; g = g.above {
			if g.node.group.PlanID != "" && !yield(g.node.allowance.plan) {
				return
			}
		}
	}
}

// Limits returns the throttles and quotas of the key that the decision was about, in the
// order of the plan. It is empty if the key or its plan is unknown, or if the store
// failed.
//
// The slice must not be changed: all decisions by one plan, route and class share it
// while the windows of the plan last.
func (o *Outcome) Limits() []Limit {
	if o.meters == nil {
		return nil
	}
	return o.meters.limits
}

// Level returns where the i-th of Limits stands. It is zero if there is no such limit.
func (o *Outcome) Level(i int) store.Level {
	if uint(i) >= uint(len(o.Limits())) {
		return store.Level{}
	}
	if o.stands {
		return o.fewLevels.standing().Level(o.meters.fast, i, 0)
	}
	return o.keyLevels()[i]
}

// Levels returns a sequence of Limits, each with its Level. Soft limits are among them.
func (o *Outcome) Levels() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for i, limit := range o.Limits() {
			if !yield(Level{Payer{PayerKey, o.Key.ID}, o.Plan, limit, o.Level(i)}) {
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
			levels := g.levels()
			for i, limit := range g.meters.limits {
				if !yield(Level{Payer{PayerGroup, g.node.group.ID}, g.node.allowance.plan, limit, levels[i]}) {
					return
				}
			}
		}
	}
}
