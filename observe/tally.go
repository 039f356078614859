package observe

import (
	"cmp"
	"math/rand/v2"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// other is the label of everything beyond the bound of a table.
const other = "other"

type limitLabels struct {
	plan  string
	payer gate.PayerKind
	limit string
	unit  string
	soft  bool
}

// otherPlan and otherLimit return the labels of a set that is too many.
func otherPlan(string) string { return other }

func otherLimit(l limitLabels) limitLabels {
	return limitLabels{plan: other, payer: l.payer, limit: other, unit: other, soft: l.soft}
}

// A planTally counts the decisions of one plan. Most of them are admitted and nothing
// else, so they have a counter that many cores can count in.
type planTally struct {
	admitted spread
	others   [reasons][2]decisionTally // by Reason, refused and allowed
}

const reasons = int(gate.NotCached) + 1

type decisionTally struct{ count, degraded, repeated atomic.Int64 }

// counts returns the DecisionCounts of a plan that are not zero.
func (t *planTally) counts(plan string) (all []DecisionCount) {
	for reason := range t.others {
		for i := range t.others[reason] {
			o := &t.others[reason][i]
			c := DecisionCount{plan, gate.Reason(reason), i == 1, o.count.Load(), o.degraded.Load(), o.repeated.Load()}
			if c.Allowed && c.Reason == gate.Admitted {
				c.Count += t.admitted.load()
			}
			if c.Count > 0 {
				all = append(all, c)
			}
		}
	}
	return all
}

type limitTally struct{ refused, wouldRefuse atomic.Int64 }

// A spread is a counter of several parts, each on a cache line of its own. Cores that
// count at the same time seldom wait for each other.
type spread [8]struct {
	n atomic.Int64
	_ [56]byte
}

func (s *spread) add() { s[rand.Uint32()%uint32(len(s))].n.Add(1) }

// load returns the sum of the parts.
func (s *spread) load() (n int64) {
	for i := range s {
		n += s[i].n.Load()
	}
	return n
}

// countDecision counts a decision by its plan and Reason.
func (c *Counts) countDecision(o *gate.Outcome) {
	plan := c.plans.tally(planID(o.Plan))
	if o.Reason == gate.Admitted && o.Allowed && !o.Repeated {
		plan.admitted.add()
		return
	}
	t := &plan.others[int(o.Reason)%reasons][0]
	if o.Allowed {
		t = &plan.others[int(o.Reason)%reasons][1]
	}
	t.count.Add(1)
	if o.Degraded {
		t.degraded.Add(1)
	}
	if o.Repeated {
		t.repeated.Add(1)
	}
}

// countRefusal counts a refusal for each limit that refused, and for the key.
func (c *Counts) countRefusal(d *gate.Decided) {
	for l := range d.Outcome.Refusals() {
		c.limits.tally(labelsOf(&l)).refused.Add(1)
	}
	c.keys.count(d, refused)
}

// countSoft counts a request that was admitted for each limit that had no room for it.
func (c *Counts) countSoft(d *gate.Decided) {
	any := false
	for l := range d.Outcome.WouldRefuse() {
		c.limits.tally(labelsOf(&l)).wouldRefuse.Add(1)
		any = true
	}
	if any {
		c.keys.count(d, wouldRefuse)
	}
}

func labelsOf(l *gate.Level) limitLabels {
	return limitLabels{planID(l.Plan), l.Payer.Kind, l.Name, l.Unit, l.Soft}
}

func planID(p *usageplan.Plan) string {
	if p == nil {
		return ""
	}
	return p.ID
}

func compareLimits(a, b LimitCount) int {
	return cmp.Or(cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Payer, b.Payer), cmp.Compare(a.Limit, b.Limit),
		cmp.Compare(a.Unit, b.Unit), compareBool(a.Soft, b.Soft))
}

// compareBool sorts true before false.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
