package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"

	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// classesAltered makes a flaw of the limits of classes and routes of plans.
func classesAltered(name, caught string, change func(all map[string]usageplan.Limits)) directoryFlaw[usageplan.Store] {
	return planAltered(name, caught, func(p *usageplan.Plan) {
		if p.For != nil {
			change(p.For)
		}
	})
}

// eachClass changes the limits of each class and route.
func eachClass(change func(l *usageplan.Limits)) func(map[string]usageplan.Limits) {
	return func(all map[string]usageplan.Limits) {
		for key, l := range all {
			change(&l)
			all[key] = l
		}
	}
}

// renamed keeps the limits of each class and route under another name. Of two that get
// the same name, it keeps one.
func renamed(name func(key string) string) func(map[string]usageplan.Limits) {
	return func(all map[string]usageplan.Limits) {
		for _, key := range slices.Sorted(maps.Keys(all)) {
			l := all[key]
			delete(all, key)
			all[name(key)] = l
		}
	}
}

var classFlaws = []directoryFlaw[usageplan.Store]{
	planAltered("drops the limits of classes", "bounds, insert, update, copies", func(p *usageplan.Plan) { p.For = nil }),
	planAltered("reads no limits of classes as an empty map", "bounds, insert, update", func(p *usageplan.Plan) {
		if p.For == nil {
			p.For = map[string]usageplan.Limits{}
		}
	}),
	classesAltered("drops the limits of routes", "bounds, insert, update, copies", func(all map[string]usageplan.Limits) {
		maps.DeleteFunc(all, func(key string, _ usageplan.Limits) bool { return strings.Contains(key, "/") })
	}),
	classesAltered("keeps 99 classes", "bounds", func(all map[string]usageplan.Limits) {
		if keys := slices.Sorted(maps.Keys(all)); len(keys) > 99 {
			delete(all, keys[0])
		}
	}),
	classesAltered("keeps classes without regard to case", "bounds", renamed(strings.ToLower)),
	classesAltered("keeps classes as numbers", "bounds", renamed(asNumber)),
	classesAltered("keeps 63 bytes of a class", "bounds", renamed(func(key string) string { return cutTo(key, 63) })),
	classesAltered("drops the throttles of classes", "bounds, insert, update, copies", eachClass(func(l *usageplan.Limits) { l.Throttles = nil })),
	classesAltered("drops the quotas of classes", "bounds, insert, update, copies", eachClass(func(l *usageplan.Limits) { l.Quotas = nil })),
	classesAltered("keeps one throttle for each class", "bounds, insert, update, copies", eachClass(func(l *usageplan.Limits) {
		l.Throttles = l.Throttles[:min(1, len(l.Throttles))]
	})),
	classesAltered("keeps one quota for each class", "bounds", eachClass(func(l *usageplan.Limits) { l.Quotas = l.Quotas[:min(1, len(l.Quotas))] })),
	classesAltered("sorts the throttles of classes by unit", "bounds, insert, update, copies", eachClass(func(l *usageplan.Limits) {
		slices.SortStableFunc(l.Throttles, func(a, b usageplan.Throttle) int { return strings.Compare(a.Unit, b.Unit) })
	})),
	classesAltered("forgets that a throttle of a class is soft", "bounds", eachClass(func(l *usageplan.Limits) {
		eachThrottle(func(t *usageplan.Throttle) { t.Soft = false })(&l.Throttles, nil)
	})),
	classesAltered("forgets that a quota of a class is soft", "bounds, insert, update, copies", eachClass(func(l *usageplan.Limits) {
		eachQuota(func(q *calendar.Quota) { q.Soft = false })(nil, &l.Quotas)
	})),
	classesAltered("keeps the full names of the limits of classes", "bounds, insert, update, copies", func(all map[string]usageplan.Limits) {
		for key, l := range all {
			all[key] = l.Named(key)
		}
	}),
	{"shares the map of classes", "copies", func() usageplan.Store { return newSharesClasses(func(all forAll) forAll { return all }) }},
	{"shares the limits of classes", "copies", func() usageplan.Store { return newSharesClasses(maps.Clone) }},
	{"returns the map of classes that it keeps", "access/copies, access/groups-copies", func() usageplan.Store {
		return sharesRead{newSharesClasses(func(all forAll) forAll { return all })}
	}},
	{"returns the limits of classes that it keeps", "access/copies, access/groups-copies", func() usageplan.Store {
		return sharesRead{newSharesClasses(maps.Clone)}
	}},
}

// forAll is what a plan has for classes and routes.
type forAll = map[string]usageplan.Limits

// sharesClasses is a directory that keeps the limits of classes that it gets in a new
// plan, and returns them.
type sharesClasses struct {
	base
	kept   *memo[string, forAll] // by the ID of the plan
	shared func(forAll) forAll   // a copy that shares memory
}

func newSharesClasses(shared func(forAll) forAll) sharesClasses {
	return sharesClasses{newBase(), newMemo[string, forAll](), shared}
}

func (s sharesClasses) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	s.kept.set(p.ID, s.shared(p.For))
	return s.base.InsertPlan(ctx, p)
}

func (s sharesClasses) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	p, err := s.base.Plan(ctx, id)
	if p.For != nil {
		p.For = s.shared(s.kept.of(id))
	}
	return p, err
}

// sharesRead shares the limits of classes only with callers of AccessByKey.
type sharesRead struct{ sharesClasses }

func (s sharesRead) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	s.kept.set(p.ID, s.shared(p.Clone().For))
	return s.base.InsertPlan(ctx, p)
}

func (s sharesRead) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	return s.base.Plan(ctx, id)
}

func (s sharesRead) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	for i := range a.Plans {
		a.Plans[i].For = s.shared(s.kept.of(a.Plans[i].ID))
	}
	return a, err
}
