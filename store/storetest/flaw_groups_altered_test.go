package storetest

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	xrate "golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// groupAltered is a flaw that changes each group before it keeps it.
func groupAltered(name, caught string, change func(*usageplan.Group)) directoryFlaw[usageplan.Store] {
	return groupFlaw(name, caught, func() oddGroups {
		return oddGroups{
			insert: func(s base, ctx context.Context, g usageplan.Group) error {
				return s.InsertGroup(ctx, altered(g, change))
			},
			update: func(s base, ctx context.Context, g usageplan.Group) error {
				return s.UpdateGroup(ctx, altered(g, change))
			},
		}
	})
}

// groupThrottle changes the throttle of a group, if it has one.
func groupThrottle(change func(p *usageplan.Plan)) func(*usageplan.Group) {
	return func(g *usageplan.Group) {
		p := usageplan.Plan{Throttle: g.Throttle}
		change(&p)
		g.Throttle = p.Throttle
	}
}

// groupTimes changes each time of a group.
func groupTimes(change func(time.Time) time.Time) func(*usageplan.Group) {
	return func(g *usageplan.Group) { g.Created, g.Updated = change(g.Created), change(g.Updated) }
}

// alteredGroupFlaws are of stores that keep a field of a group in another form.
var alteredGroupFlaws = []directoryFlaw[usageplan.Store]{
	groupAltered("cuts the name of a group to 255 bytes", "groups/bounds", func(g *usageplan.Group) { g.Name = cutTo(g.Name, 255) }),
	groupAltered("trims the name of a group", "groups/bounds", func(g *usageplan.Group) { g.Name = strings.TrimSpace(g.Name) }),
	groupAltered("composes accents in the name of a group", "groups/bounds", func(g *usageplan.Group) { g.Name = composed(g.Name) }),
	groupAltered("keeps the name of a group as ASCII", "groups/bounds", func(g *usageplan.Group) {
		g.Name = strings.Map(func(r rune) rune { return min(r, 127) }, g.Name)
	}),
	groupAltered("cuts the parent's ID to 63 bytes", "groups/bounds, groups/filter-ids", func(g *usageplan.Group) { g.ParentID = cutTo(g.ParentID, 63) }),
	groupAltered("reads empty quotas of a group as none", "groups/bounds, groups/update", func(g *usageplan.Group) {
		if len(g.Quotas) == 0 {
			g.Quotas = nil
		}
	}),
	groupAltered("reads no quotas of a group as empty ones", "groups/bounds, groups/update, groups/filter-ids", func(g *usageplan.Group) {
		if g.Quotas == nil && g.PlanID != "" {
			g.Quotas = []calendar.Quota{}
		}
	}),
	groupAltered("sorts the quotas of a group by name", "groups/bounds", func(g *usageplan.Group) {
		slices.SortStableFunc(g.Quotas, func(a, b calendar.Quota) int { return strings.Compare(a.Name, b.Name) })
	}),
	groupAltered("forgets the zone of a group's quota", "groups/bounds", func(g *usageplan.Group) {
		for i := range g.Quotas {
			g.Quotas[i].Location = nil
		}
	}),
	groupAltered("keeps the limit of a group's quota in 32 bits", "groups/bounds", func(g *usageplan.Group) {
		for i := range g.Quotas {
			g.Quotas[i].Limit = int64(uint32(g.Quotas[i].Limit))
		}
	}),
	groupAltered("keeps a rate of a group in 32 bits", "groups/bounds, groups/limits", groupThrottle(throttles(func(l limiter.Limit) limiter.Limit {
		l.Rate = xrate.Limit(float32(l.Rate))
		return l
	}))),
	groupAltered("keeps three digits behind the point of a group's rate", "groups/bounds, groups/limits", groupThrottle(throttles(func(l limiter.Limit) limiter.Limit {
		if !l.Unlimited() {
			l.Rate = xrate.Limit(math.Round(float64(l.Rate)*1000) / 1000)
		}
		return l
	}))),
	groupAltered("drops the burst of a group's unlimited throttle", "groups/limits", groupThrottle(throttles(func(l limiter.Limit) limiter.Limit {
		if l.Unlimited() {
			l.Burst = 0
		}
		return l
	}))),
	groupAltered("reads an unlimited throttle of a group as none", "groups/limits", func(g *usageplan.Group) {
		if g.Throttle != nil && g.Throttle.Unlimited() {
			g.Throttle = nil
		}
	}),
	groupAltered("reads a throttle of a group that blocks as none", "groups/bounds, groups/limits, groups/update", func(g *usageplan.Group) {
		if g.Throttle != nil && *g.Throttle == (limiter.Limit{}) {
			g.Throttle = nil
		}
	}),
	groupAltered("drops the zone of a group's time", "groups/times", groupTimes(wallClock)),
	groupAltered("keeps a group's time in 64 bits of nanoseconds", "groups/times", groupTimes(nanosecondsOf)),
	groupAltered("keeps a group's time in floating point", "groups/times", groupTimes(floatSeconds)),
	groupAltered("reads the zero of Unix as no time of a group", "groups/times", groupTimes(epochIsNever)),
	groupAltered("keeps whole seconds of a group's times", "groups/insert, groups/times", groupTimes(func(t time.Time) time.Time {
		return t.Truncate(time.Second)
	})),
}
