package gate

import (
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A groupRoom has room for what the groups of one decision are charged, from the bottom
// to the root.
type groupRoom struct {
	units  [usageplan.MaxGroups][store.MaxMeters]int64
	levels [usageplan.MaxGroups][store.MaxMeters]store.Level
}

// addGroups adds a part for each group of the key. Their levels go to d.
func (p *pending) addGroups(req *Request, group *node, counting *allowance, d *Decision, take bool) {
	stage := usageplan.Stage{API: req.API, Name: req.Stage}
	d.groups = newGroupLevels(group)
	for l := d.groups; l != nil; l = l.above {
		n := l.node
		l.meters = n.metersAt(req.At, stage, req.Route, req.Class, counting)
		if len(l.meters.limits) > fewGroupLimits {
			l.many = new([maxLimits]store.Level)
		}
		count, i := len(l.meters.list), p.family-1
		part := &p.parts[p.family]
		part.Subject = n.subject
		part.Meters = l.meters.list
		part.N = zeros[:count]
		part.Levels = p.groups.levels[i][:count]
		part.Place = n.place.Load()
		if take {
			part.N = l.meters.amounts(&p.groups.units[i], req)
		}
		p.family++
	}
	p.Parts = p.parts[:p.family]
}

// copyLevels copies the levels of the groups after the decision.
func (l *groupLevels) copyLevels(p *pending) {
	for i := 1; l != nil; i, l = i+1, l.above {
		copy(l.levels(), p.parts[i].Levels)
	}
}

// A groupLevels has what a decision found at one group.
type groupLevels struct {
	node   *node
	meters *meters
	few    [fewGroupLimits]store.Level // of meters.limits, in their order
	many   *[maxLimits]store.Level     // instead of few, if there are more
	above  *groupLevels                // of the group above, or nil
}

// fewGroupLimits is how many limits most groups have. Room for maxLimits would make the
// allocation of a decision more than twice as large.
const fewGroupLimits = 4

// levels returns the levels of meters.limits.
func (l *groupLevels) levels() []store.Level {
	n := len(l.meters.limits)
	if n > fewGroupLimits {
		return l.many[:n]
	}
	return l.few[:n]
}

// newGroupLevels returns a groupLevels for n and for each node above it. It makes one
// allocation. A group with more than fewGroupLimits limits takes another one.
func newGroupLevels(n *node) *groupLevels {
	all := make([]groupLevels, n.level)
	for i := range all {
		all[i].node = n
		if n = n.above; n != nil {
			all[i].above = &all[i+1]
		}
	}
	return &all[0]
}
