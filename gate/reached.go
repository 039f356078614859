package gate

import (
	"iter"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Reached is a quota whose use has reached the lowest of its thresholds.
type Reached struct {
	// Level is where the quota stands, and the key or the group that has it.
	Level

	// Plan is the plan that has the quota. Subject is the subject that is charged.
	Plan    *usageplan.Plan
	Subject string

	// Thresholds has all thresholds of the quota in percent, also those that are not
	// reached. It must not be changed.
	Thresholds []int

	// Charged is how many units the decision charged the quota. After a correction it is how
	// many units that added, which is negative if it gave units back.
	Charged int64

	unit uint8 // 0 for requests, and otherwise one more than its index in Config.Units
}

// AtLeast reports whether the use is at least some percent of the allowance. Any use is
// at least every percentage of an allowance of zero.
func (r *Reached) AtLeast(percent int) bool { return atLeast(r.Used, r.Max, percent) }

// Crossed reports whether the decision or the correction itself brought the use to some
// percent of the allowance.
func (r *Reached) Crossed(percent int) bool {
	return r.AtLeast(percent) && !atLeast(r.Used-r.Charged, r.Max, percent)
}

// atLeast reports whether used is at least some percent of limit. The products fit an
// int64, since both figures have 53 bits, and percent is at most
// usageplan.MaxAlertPercent.
func atLeast(used, limit int64, percent int) bool {
	return used*100 >= limit*int64(percent) && used > 0
}

// Reached returns a sequence of the quotas of the key and of the groups above it whose
// use has reached the lowest of their thresholds. Soft quotas are among them. The
// thresholds are the Alerts of the link or of the plan. If these are nil, they are
// defaults, which must be as usageplan.CheckAlerts wants them.
//
// A quota below its thresholds costs a multiplication. Its Level is not computed.
func (o *Outcome) Reached(defaults []int) iter.Seq[Reached] {
	return func(yield func(Reached) bool) { o.eachReached(defaults, yield) }
}

func (o *Outcome) eachReached(defaults []int, yield func(Reached) bool) {
	if o.meters == nil {
		return
	}
	more := true
	a := o.binding.allowance
	if thresholds := a.thresholds(defaults); len(thresholds) > 0 {
		for i := o.nextReached(o.meters.throttles, thresholds[0]); i >= 0 && more; i = o.nextReached(i+1, thresholds[0]) {
			r := o.reached(o.meters, i, a, thresholds)
			r.Payer, r.Subject, r.Level.Level = Payer{PayerKey, o.Key.ID}, o.binding.subject, o.Level(i)
			more = yield(r)
		}
	}
	for g := o.groups; g != nil && more; g = g.above {
		more = o.eachReachedOf(g, defaults, yield)
	}
}

// eachReachedOf yields the quotas of a group. It reports whether yield wants more.
func (o *Outcome) eachReachedOf(g *groupLevels, defaults []int, yield func(Reached) bool) bool {
	a, levels := g.node.allowance, g.levels()
	thresholds := a.thresholds(defaults)
	if len(thresholds) == 0 {
		return true
	}
	for i := g.meters.throttles; i < len(levels); i++ {
		if !atLeast(levels[i].Used, levels[i].Max, thresholds[0]) {
			continue
		}
		r := o.reached(g.meters, i, a, thresholds)
		r.Payer, r.Subject, r.Level.Level = Payer{PayerGroup, g.node.group.ID}, g.node.subject, levels[i]
		if !yield(r) {
			return false
		}
	}
	return true
}

// nextReached returns the first limit of the key, from the i-th on, that has reached some
// percent, or -1. These limits are quotas.
func (o *Outcome) nextReached(i, percent int) int {
	m := o.meters
	if !o.stands {
		for levels := o.keyLevels(); i < len(levels); i++ {
			if atLeast(levels[i].Used, levels[i].Max, percent) {
				return i
			}
		}
		return -1
	}
	for s := o.fewLevels.standing(); i < len(m.limits); i++ {
		used := s.Cells[m.fast.Cell(i)] & store.MaxUnits // of a window: see store.Standing
		if atLeast(used, m.list[i].Max, percent) {
			return i
		}
	}
	return -1
}

// reached returns the i-th limit of m, which is a quota, without its payer and its level.
func (o *Outcome) reached(m *meters, i int, a *allowance, thresholds []int) Reached {
	r := Reached{Level: Level{Limit: m.limits[i]}, Plan: a.plan, Thresholds: thresholds, unit: m.units[i]}
	switch {
	case !o.Charged:
	case r.unit == 0 && o.More:
	case r.unit == 0:
		r.Charged = 1
	default:
		r.Charged = o.Costs[r.unit-1]
	}
	return r
}

// Reached returns what Outcome.Reached does, for the use after the correction.
func (c *Corrected) Reached(defaults []int) iter.Seq[Reached] {
	return func(yield func(Reached) bool) {
		for r := range c.Outcome.Reached(defaults) {
			switch {
			case r.unit > 0:
				r.Charged = c.Actual[r.unit-1] - c.Outcome.Costs[r.unit-1]
			case c.Refund:
				r.Charged = -r.Charged
			default:
				r.Charged = 0
			}
			if !yield(r) {
				return
			}
		}
	}
}

// thresholds returns the Alerts of the link or the plan, or defaults if there are none.
func (a *allowance) thresholds(defaults []int) []int {
	if a.alerts != nil {
		return a.alerts
	}
	return defaults
}
