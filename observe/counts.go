package observe

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/gate"
)

// A CountsConfig configures Counts. The zero CountsConfig is ready for use.
type CountsConfig struct {
	// Labels bounds the labels: so many plans, and so many limits of plans. The default is
	// 1000 of each. Further plans count as the plan "other", and further limits as the
	// limit "other" of the plan "other". A plan takes about 1kB.
	Labels int

	// Keys bounds the keys whose refusals are counted one by one. The default is 1000. When
	// another key is refused, the key that was refused least recently is evicted. If
	// negative, no keys are counted.
	Keys int
}

// Counts is a gate.Observer that counts in memory, since it was made. Make one with
// NewCounts. It is safe for concurrent use. A restart begins at zero, and each process
// counts its own decisions.
type Counts struct {
	since  time.Time
	plans  table[string, planTally] // by ID; a map of strings is faster than one of structs
	limits table[limitLabels, limitTally]
	keys   keyTallies

	peeks, further, settled, refunded, correctionErrors atomic.Int64
}

// NewCounts returns Counts that are all zero.
func NewCounts(cfg CountsConfig) *Counts {
	most := cmp.Or(max(0, cfg.Labels), 1000)
	c := &Counts{since: time.Now()}
	c.plans.most, c.plans.overflow = most, otherPlan
	c.limits.most, c.limits.overflow = most, otherLimit
	c.keys.most = cmp.Or(cfg.Keys, 1000)
	return c
}

// A Snapshot has what Counts have counted.
type Snapshot struct {
	Since, At time.Time // when the Counts and the Snapshot were made

	// Decisions counts the requests that Admit decided, by plan and Reason, in the order of
	// both. A refusal comes before an admission of the same Reason.
	Decisions []DecisionCount

	// Limits counts the refusals of each limit, in the order of its fields.
	Limits []LimitCount

	// Keys has the keys that were refused, or would have been. The key that was refused
	// most recently comes first.
	Keys []KeyCount

	// Peeks counts the decisions of Peek, which count nowhere else.
	Peeks int64

	// Further counts the decisions that admitted further costs of a request, which is among
	// Decisions once: see gate.Request.More. A refusal of further costs is among Decisions.
	Further int64

	// Settled and Refunded count corrections, and CorrectionErrors those that failed.
	Settled, Refunded, CorrectionErrors int64
}

// A DecisionCount counts decisions of one plan with one Reason.
type DecisionCount struct {
	Plan    string // its ID; empty if no plan decided; "other" beyond CountsConfig.Labels
	Reason  gate.Reason
	Allowed bool

	Count    int64
	Degraded int64 // of them by gate.Config.OnFailure
	Repeated int64 // of them with an ID that was charged before
}

// A LimitCount counts what one limit of a plan refused. A request that several limits
// refuse counts for each of them.
type LimitCount struct {
	Plan  string // its ID; empty for a shared throttle; "other" beyond CountsConfig.Labels
	Payer gate.PayerKind
	Limit string // see gate.Limit.Name
	Unit  string
	Soft  bool

	Refused int64

	// WouldRefuse counts the requests that were admitted and that the limit had no room
	// for, since it is soft or gate.Gate.Enforce is off.
	WouldRefuse int64
}

// A KeyCount counts what one key was refused.
type KeyCount struct {
	ID   string
	Name string // when it was last refused
	Plan string // the ID of its own plan when it was last refused; empty if it had none

	Refused     int64 // for whatever reason
	Throttled   int64 // of Refused, with the Reason Throttled
	WouldRefuse int64 // admitted, although a soft limit had no room

	Last time.Time // of any of these
}

// Decided implements gate.Observer.
func (c *Counts) Decided(_ context.Context, d gate.Decided) {
	o := &d.Outcome
	if o.Peeked {
		c.peeks.Add(1)
		return
	}
	if o.More && o.Allowed {
		c.further.Add(1)
	} else {
		c.countDecision(o)
	}
	switch {
	case !o.Allowed:
		c.countRefusal(&d)
	case !o.Repeated:
		c.countSoft(&d)
	}
}

// Corrected implements gate.Observer.
func (c *Counts) Corrected(_ context.Context, d gate.Corrected) {
	switch {
	case d.Err != nil:
		c.correctionErrors.Add(1)
	case d.Refund:
		c.refunded.Add(1)
	default:
		c.settled.Add(1)
	}
}

// Snapshot returns what was counted so far. Decisions that run meanwhile may be counted
// in part.
func (c *Counts) Snapshot() Snapshot {
	s := Snapshot{
		Since:            c.since,
		At:               time.Now(),
		Keys:             c.keys.list(),
		Peeks:            c.peeks.Load(),
		Further:          c.further.Load(),
		Settled:          c.settled.Load(),
		Refunded:         c.refunded.Load(),
		CorrectionErrors: c.correctionErrors.Load(),
	}
	for plan, t := range c.plans.all() {
		s.Decisions = append(s.Decisions, t.counts(plan)...)
	}
	for l, t := range c.limits.all() {
		s.Limits = append(s.Limits, LimitCount{l.plan, l.payer, l.limit, l.unit, l.soft, t.refused.Load(), t.wouldRefuse.Load()})
	}
	slices.SortStableFunc(s.Decisions, func(a, b DecisionCount) int { return cmp.Compare(a.Plan, b.Plan) })
	slices.SortFunc(s.Limits, compareLimits)
	return s
}
