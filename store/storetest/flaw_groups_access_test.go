package storetest

import (
	"context"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// groupAccessFlaw changes each Access that has groups before it is returned.
type groupAccessFlaw struct {
	base
	change func(s base, a *usageplan.Access)
}

func (s groupAccessFlaw) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	if err == nil && len(a.Groups) > 0 {
		s.change(s.base, &a)
	}
	return a, err
}

func (s groupAccessFlaw) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	if err == nil && len(a.Groups) > 0 {
		s.change(s.base, &a)
	}
	return a, err
}

func groupsAccessed(name, caught string, change func(s base, a *usageplan.Access)) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store { return groupAccessFlaw{newBase(), change} }}
}

// linkedPlans returns the plans of a that its links name.
func linkedPlans(a *usageplan.Access) []usageplan.Plan {
	return slices.DeleteFunc(slices.Clone(a.Plans), func(p usageplan.Plan) bool {
		return !slices.ContainsFunc(a.Links, func(l usageplan.Link) bool { return l.PlanID == p.ID })
	})
}

var groupAccessFlaws = []directoryFlaw[usageplan.Store]{
	groupsAccessed("an Access without groups", "access/groups", func(_ base, a *usageplan.Access) { a.Groups = nil }),
	groupsAccessed("an Access with the key's own group alone", "access/groups, access/groups-plans, access/groups-again", func(_ base, a *usageplan.Access) {
		a.Groups = a.Groups[:1]
	}),
	groupsAccessed("an Access with the root first", "access/groups, access/groups-plans, access/groups-again", func(_ base, a *usageplan.Access) {
		slices.Reverse(a.Groups)
	}),
	groupsAccessed("an Access of at most MaxGroups groups", "access/groups", func(_ base, a *usageplan.Access) {
		a.Groups = a.Groups[:min(usageplan.MaxGroups, len(a.Groups))]
	}),
	groupsAccessed("an Access of all groups, however many there are", "access/groups", func(s base, a *usageplan.Access) {
		for range 10 {
			g, err := s.Group(context.Background(), a.Groups[len(a.Groups)-1].ParentID)
			if err != nil {
				return
			}
			a.Groups = append(a.Groups, g)
		}
	}),
	groupsAccessed("an Access without groups if one is missing", "access/groups, access/groups-again", func(_ base, a *usageplan.Access) {
		if a.Groups[len(a.Groups)-1].ParentID != "" && len(a.Groups) <= usageplan.MaxGroups {
			a.Groups = nil
		}
	}),
	groupsAccessed("an Access with a group in place of a missing one", "access/groups, access/groups-again", func(_ base, a *usageplan.Access) {
		if id := a.Groups[len(a.Groups)-1].ParentID; id != "" && len(a.Groups) <= usageplan.MaxGroups {
			a.Groups = append(a.Groups, usageplan.Group{ID: id})
		}
	}),
	{"an Access that fails if a group is missing", "access/groups", func() usageplan.Store { return failsWithoutGroup{newBase()} }},
	groupsAccessed("an Access with the plans of the links alone", "access/groups-plans, access/groups-copies, access/groups-again", func(_ base, a *usageplan.Access) {
		a.Plans = linkedPlans(a)
	}),
	groupsAccessed("an Access without the plans of the upper groups", "access/groups-plans, access/groups-again", func(_ base, a *usageplan.Access) {
		a.Plans = slices.DeleteFunc(a.Plans, func(p usageplan.Plan) bool {
			return p.ID != a.Groups[0].PlanID && !slices.ContainsFunc(a.Links, func(l usageplan.Link) bool { return l.PlanID == p.ID })
		})
	}),
	groupsAccessed("an Access that has the plan of a link and a group twice", "access/groups-plans", func(_ base, a *usageplan.Access) {
		for _, p := range linkedPlans(a) {
			if p.ID == a.Groups[0].PlanID {
				a.Plans = append(a.Plans, p)
			}
		}
	}),
	groupsAccessed("an Access that has the plan of two groups twice", "access/groups-plans", func(_ base, a *usageplan.Access) {
		if len(a.Groups) > 1 && a.Groups[0].PlanID == a.Groups[1].PlanID {
			if p := a.Plan(a.Groups[0].PlanID); p != nil {
				a.Plans = append(a.Plans, *p)
			}
		}
	}),
	groupsAccessed("an Access with a plan for each group that has none", "access/groups-plans, access/groups, access/groups-again", func(s base, a *usageplan.Access) {
		for _, g := range a.Groups {
			if _, err := s.Plan(context.Background(), g.PlanID); err != nil {
				a.Plans = append(a.Plans, usageplan.Plan{ID: g.PlanID})
			}
		}
	}),
	{"an Access with groups that are read after the key", "access/groups-instant", func() usageplan.Store {
		return groupsLater{oneByOne{newBase()}}
	}},
	{"an Access with groups that are shared", "access/groups-copies", func() usageplan.Store {
		known := newMemo[string, usageplan.Group]()
		return groupAccessFlaw{newBase(), func(s base, a *usageplan.Access) {
			for i, g := range a.Groups {
				if old := known.of(g.ID); old.Version == g.Version && old.ParentID == g.ParentID && len(old.Quotas) == len(g.Quotas) {
					a.Groups[i].Quotas = old.Quotas
				}
				known.set(g.ID, a.Groups[i])
			}
		}}
	}},
	{"an Access with groups as they were first read", "access/groups-again", func() usageplan.Store {
		known := newMemo[string, usageplan.Group]()
		return groupAccessFlaw{newBase(), func(s base, a *usageplan.Access) {
			for i, g := range a.Groups {
				if old := known.of(g.ID); old.ID == "" || old.ParentID != g.ParentID || old.PlanID != g.PlanID || g.Version > 2 {
					known.set(g.ID, g.Clone())
				}
				a.Groups[i] = known.of(g.ID).Clone()
			}
		}}
	}},
	{"an Access with the first group of the key", "access/groups-again", func() usageplan.Store {
		return firstGroup{newBase(), newMemo[string, string]()}
	}},
}

// groupsLater reads the groups of a key after the key, while others change both.
type groupsLater struct{ oneByOne }

func (s groupsLater) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	wait()
	return s.base.UpdateGroup(ctx, g)
}

func (s groupsLater) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	if err != nil || len(a.Groups) == 0 {
		return a, err
	}
	wait()
	a.Groups = nil
	return a, s.readGroups(ctx, &a)
}

// failsWithoutGroup fails if a group does not exist.
type failsWithoutGroup struct{ base }

func (s failsWithoutGroup) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	last := a.Key.GroupID
	if n := len(a.Groups); n > 0 {
		last = a.Groups[n-1].ParentID
	}
	if err == nil && last != "" && len(a.Groups) <= usageplan.MaxGroups {
		return usageplan.Access{}, usageplan.ErrNotFound
	}
	return a, err
}

// firstGroup reads the groups of a key from the group that it was inserted with.
type firstGroup struct {
	base
	of *memo[string, string]
}

func (s firstGroup) InsertKey(ctx context.Context, k apikey.Key) error {
	err := s.base.InsertKey(ctx, k)
	if err == nil {
		s.of.set(k.ID, k.GroupID)
	}
	return err
}

func (s firstGroup) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	if err == nil && s.of.of(a.Key.ID) != a.Key.GroupID {
		a.Groups = nil
		for id := s.of.of(a.Key.ID); id != ""; {
			g, err := s.Group(ctx, id)
			if err != nil || len(a.Groups) > usageplan.MaxGroups {
				break
			}
			a.Groups = append(a.Groups, g)
			id = g.ParentID
		}
	}
	return a, err
}
