package storetest

import (
	"context"
	"slices"
	"strings"

	xrate "golang.org/x/time/rate"

	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// altersLimits is a directory that changes the throttles and quotas of plans, links and
// groups that it is to keep. plans says whether it changes those of plans.
type altersLimits struct {
	base
	change func(throttles *[]usageplan.Throttle, quotas *[]calendar.Quota)
	plans  bool
}

func (s altersLimits) plan(p usageplan.Plan) usageplan.Plan {
	p = p.Clone()
	if s.plans {
		s.change(&p.Throttles, &p.Quotas)
	}
	return p
}

func (s altersLimits) link(l usageplan.Link) usageplan.Link {
	l = l.Clone()
	s.change(&l.Throttles, &l.Quotas)
	return l
}

func (s altersLimits) group(g usageplan.Group) usageplan.Group {
	g = g.Clone()
	s.change(&g.Throttles, &g.Quotas)
	return g
}

func (s altersLimits) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.base.InsertPlan(ctx, s.plan(p))
}

func (s altersLimits) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return s.base.UpdatePlan(ctx, s.plan(p))
}

func (s altersLimits) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.base.InsertLink(ctx, s.link(l))
}

func (s altersLimits) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return s.base.UpdateLink(ctx, s.link(l))
}

func (s altersLimits) InsertGroup(ctx context.Context, g usageplan.Group) error {
	return s.base.InsertGroup(ctx, s.group(g))
}

func (s altersLimits) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return s.base.UpdateGroup(ctx, s.group(g))
}

// limitsAltered makes a flaw of the throttles and quotas of plans, links and groups.
func limitsAltered(name, caught string, change func(*[]usageplan.Throttle, *[]calendar.Quota)) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store { return altersLimits{newBase(), change, true} }}
}

// overridesAltered makes a flaw of the throttles and quotas of links and groups.
func overridesAltered(name, caught string, change func(*[]usageplan.Throttle, *[]calendar.Quota)) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store { return altersLimits{newBase(), change, false} }}
}

// eachThrottle changes each further throttle.
func eachThrottle(change func(*usageplan.Throttle)) func(*[]usageplan.Throttle, *[]calendar.Quota) {
	return func(throttles *[]usageplan.Throttle, _ *[]calendar.Quota) {
		for i := range *throttles {
			change(&(*throttles)[i])
		}
	}
}

// eachQuota changes each quota.
func eachQuota(change func(*calendar.Quota)) func(*[]usageplan.Throttle, *[]calendar.Quota) {
	return func(_ *[]usageplan.Throttle, quotas *[]calendar.Quota) {
		for i := range *quotas {
			change(&(*quotas)[i])
		}
	}
}

const everyBound = "bounds, links/bounds, groups/bounds"

var limitFlaws = []directoryFlaw[usageplan.Store]{
	limitsAltered("drops further throttles", everyBound+", insert, links, groups/insert, update, links/update, groups/update",
		func(throttles *[]usageplan.Throttle, _ *[]calendar.Quota) { *throttles = nil }),
	overridesAltered("reads no further throttles as those of the plan", "links/update, groups/update, links/bounds, groups/bounds",
		func(throttles *[]usageplan.Throttle, _ *[]calendar.Quota) {
			if len(*throttles) == 0 {
				*throttles = nil
			}
		}),
	overridesAltered("reads the throttles of the plan as no further ones", "links/update, groups/update, links/bounds, groups/bounds",
		func(throttles *[]usageplan.Throttle, _ *[]calendar.Quota) {
			if *throttles == nil {
				*throttles = []usageplan.Throttle{}
			}
		}),
	overridesAltered("reads no quotas as those of the plan", "links/update, groups/update, links/bounds, groups/bounds",
		func(_ *[]usageplan.Throttle, quotas *[]calendar.Quota) {
			if len(*quotas) == 0 {
				*quotas = nil
			}
		}),
	limitsAltered("drops all throttles but the first", everyBound, func(throttles *[]usageplan.Throttle, _ *[]calendar.Quota) {
		*throttles = (*throttles)[:min(1, len(*throttles))]
	}),
	limitsAltered("sorts throttles by unit", everyBound, func(throttles *[]usageplan.Throttle, _ *[]calendar.Quota) {
		slices.SortStableFunc(*throttles, func(a, b usageplan.Throttle) int { return strings.Compare(a.Unit, b.Unit) })
	}),
	limitsAltered("keeps one throttle for each unit", everyBound, func(throttles *[]usageplan.Throttle, _ *[]calendar.Quota) {
		seen := map[string]bool{}
		*throttles = slices.DeleteFunc(*throttles, func(t usageplan.Throttle) bool {
			unit := strings.TrimPrefix(t.Unit, usageplan.Requests)
			was := seen[unit]
			seen[unit] = true
			return was
		})
	}),
	limitsAltered("forgets the unit of a throttle", everyBound, eachThrottle(func(t *usageplan.Throttle) { t.Unit = "" })),
	limitsAltered("forgets the name of a throttle", everyBound, eachThrottle(func(t *usageplan.Throttle) { t.Name = "" })),
	limitsAltered("writes the unit of every throttle", everyBound, eachThrottle(func(t *usageplan.Throttle) {
		if t.Unit == "" {
			t.Unit = usageplan.Requests
		}
	})),
	limitsAltered("keeps 31 bytes of a throttle's unit", everyBound, eachThrottle(func(t *usageplan.Throttle) { t.Unit = cutTo(t.Unit, 31) })),
	limitsAltered("keeps a throttle without a burst as one that blocks", everyBound+", limits, groups/limits",
		eachThrottle(func(t *usageplan.Throttle) {
			if t.Burst == 0 {
				t.Rate = 0
			}
		})),
	limitsAltered("keeps further throttles with rates of 32 bits", everyBound+", limits, groups/limits",
		eachThrottle(func(t *usageplan.Throttle) { t.Rate = xrate.Limit(float32(t.Rate)) })),
	{"shares the throttles of links and groups", "copies, groups/copies, access/copies, access/groups-copies", func() usageplan.Store {
		return newSharesThrottles()
	}},
	{"shares the throttles of plans", "copies", func() usageplan.Store { return sharesPlanThrottles{newSharesThrottles()} }},
	limitsAltered("forgets that a throttle is soft", everyBound, eachThrottle(func(t *usageplan.Throttle) { t.Soft = false })),
	limitsAltered("forgets that a quota is soft", everyBound, eachQuota(func(q *calendar.Quota) { q.Soft = false })),
	limitsAltered("forgets the unit of a quota", everyBound, eachQuota(func(q *calendar.Quota) { q.Unit = "" })),
	limitsAltered("keeps 31 bytes of a quota's unit", everyBound, eachQuota(func(q *calendar.Quota) { q.Unit = cutTo(q.Unit, 31) })),
}

// sharesThrottles is a directory that keeps the slices of throttles that it gets, and
// returns them.
type sharesThrottles struct {
	base
	kept *memo[string, []usageplan.Throttle] // by the kind and the ID of a record
}

func (s sharesThrottles) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	s.kept.set("plan "+p.ID, p.Throttles)
	return s.base.InsertPlan(ctx, p)
}

func (s sharesThrottles) InsertLink(ctx context.Context, l usageplan.Link) error {
	s.kept.set("link "+l.KeyID, l.Throttles)
	return s.base.InsertLink(ctx, l)
}

func (s sharesThrottles) InsertGroup(ctx context.Context, g usageplan.Group) error {
	s.kept.set("group "+g.ID, g.Throttles)
	return s.base.InsertGroup(ctx, g)
}

func (s sharesThrottles) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	return s.links(links), err
}

func (s sharesThrottles) links(links []usageplan.Link) []usageplan.Link {
	for i := range links {
		links[i].Throttles = s.kept.of("link " + links[i].KeyID)
	}
	return links
}

func (s sharesThrottles) Group(ctx context.Context, id string) (usageplan.Group, error) {
	g, err := s.base.Group(ctx, id)
	g.Throttles = s.kept.of("group " + id)
	return g, err
}

func (s sharesThrottles) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	s.links(a.Links)
	for i := range a.Plans {
		a.Plans[i].Throttles = s.kept.of("plan " + a.Plans[i].ID)
	}
	for i := range a.Groups {
		a.Groups[i].Throttles = s.kept.of("group " + a.Groups[i].ID)
	}
	return a, err
}

// sharesPlanThrottles does so with the throttles of plans only.
type sharesPlanThrottles struct{ sharesThrottles }

func (s sharesPlanThrottles) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.base.InsertLink(ctx, l)
}

func (s sharesPlanThrottles) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	return s.base.KeyLinks(ctx, id)
}

func (s sharesPlanThrottles) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	p, err := s.base.Plan(ctx, id)
	p.Throttles = s.kept.of("plan " + id)
	return p, err
}

func newSharesThrottles() sharesThrottles {
	return sharesThrottles{newBase(), newMemo[string, []usageplan.Throttle]()}
}
