package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// copyGroups copies the groups that change keeps, and their versions.
func copyGroups(versions bool, change func(from base, g *usageplan.Group) bool) func(from, to base) {
	ctx := context.Background()
	return func(from, to base) {
		for _, g := range slices.Backward(allBelow(ctx, from, usageplan.GroupFilter{})) {
			if !change(from, &g) {
				continue
			}
			last := g.Version
			must(to.InsertGroup(ctx, g))
			for g.Version = 1; versions && g.Version < last; g.Version++ {
				must(to.UpdateGroup(ctx, g))
			}
		}
	}
}

// restoredGroups copies keys and plans as they are, and groups as copy does.
func restoredGroups(copy func(from, to base)) usageplan.Store {
	return restored{newBase(), func(from, to base) {
		copyPlans(true, true, all)(from, to)
		copyKeys(func(*apikey.Key) bool { return true })(from, to)
		copy(from, to)
	}}
}

// groupExists reports whether there is a group, or none is named.
func groupExists(s base, id string) bool {
	_, err := s.Group(context.Background(), id)
	return id == "" || err == nil
}

// reappearing is a directory that finds deleted groups when it is opened again.
type reappearing struct {
	restored
	deleted *[]usageplan.Group
}

func newReappearing() usageplan.Store {
	deleted := new([]usageplan.Group)
	return reappearing{restoredGroups(func(from, to base) {
		for _, g := range *deleted {
			must(to.InsertGroup(context.Background(), g))
		}
		copyGroups(true, func(base, *usageplan.Group) bool { return true })(from, to)
	}).(restored), deleted}
}

func (s reappearing) DeleteGroup(ctx context.Context, id string, version int64) error {
	g, _ := s.Group(ctx, id)
	err := s.base.DeleteGroup(ctx, id, version)
	if err == nil {
		*s.deleted = append(*s.deleted, g)
	}
	return err
}

// renumbersGroups is a directory that numbers groups from 1 again when it is opened.
type renumbersGroups struct {
	base
	old []string
}

func (s renumbersGroups) reopen() any {
	return renumbersGroups{s.base, groupIDs(allBelow(context.Background(), s.base, usageplan.GroupFilter{}))}
}

func (s renumbersGroups) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	if s.old == nil {
		return s.base.Groups(ctx, f, cursor, limit)
	}
	groups := allBelow(ctx, s.base, f)
	slices.SortStableFunc(groups, func(a, b usageplan.Group) int {
		switch isOld := slices.Contains(s.old, a.ID); {
		case isOld == slices.Contains(s.old, b.ID):
			return 0
		case isOld:
			return -1
		default:
			return 1
		}
	})
	return offset(groups, cursor, limit, usageplan.ErrInvalid)
}

var durableGroupFlaws = []directoryFlaw[usageplan.Store]{
	{"keeps no group on disk", "groups/reopen, groups/reopen-version, groups/reopen-changes, groups/reopen-order", func() usageplan.Store {
		return restoredGroups(func(_, _ base) {})
	}},
	{"saves no quotas of groups", "groups/reopen, groups/reopen-changes, groups/reopen-order", func() usageplan.Store {
		return restoredGroups(copyGroups(true, func(_ base, g *usageplan.Group) bool { g.Quotas = nil; return true }))
	}},
	{"starts the versions of groups again", "groups/reopen-version, groups/reopen-changes", func() usageplan.Store {
		return restoredGroups(copyGroups(false, func(base, *usageplan.Group) bool { return true }))
	}},
	{"restores groups whose parents exist", "groups/reopen-changes", func() usageplan.Store {
		return restoredGroups(copyGroups(true, func(from base, g *usageplan.Group) bool { return groupExists(from, g.ParentID) }))
	}},
	{"restores deleted groups", "groups/reopen-changes", newReappearing},
	{"numbers groups from 1 again", "groups/reopen-order", func() usageplan.Store { return renumbersGroups{base: newBase()} }},
	{"restores keys without their groups", "groups/reopen-keys", func() usageplan.Store {
		return restored{newBase(), func(from, to base) {
			copyPlans(true, true, all)(from, to)
			copyKeys(func(k *apikey.Key) bool { k.GroupID = ""; return true })(from, to)
			copyGroups(true, func(base, *usageplan.Group) bool { return true })(from, to)
		}}
	}},
	{"caches groups", "groups/peer, groups/peer-notify", func() usageplan.Store { return newCaching(groupsByID) }},
	{"caches missing groups", "groups/peer, groups/notify", func() usageplan.Store { return newCaching(groupMisses) }},
	{"caches the listings of groups", "groups/peer, groups/copies", func() usageplan.Store { return newCaching(groupLists) }},
	{"compares versions of groups with its cache", "groups/peer-version", func() usageplan.Store { return newCaching(groupVersions) }},
}

func (s caching) Group(ctx context.Context, id string) (usageplan.Group, error) {
	if g, ok := s.own.groups[id]; ok && s.what == groupsByID {
		return g.Clone(), nil
	}
	if s.own.mine["missing "+id] && s.what == groupMisses {
		return usageplan.Group{}, usageplan.ErrNotFound
	}
	g, err := s.base.Group(ctx, id)
	if err == nil {
		s.own.groups[id], s.own.versions[id] = g.Clone(), g.Version
	} else if errors.Is(err, usageplan.ErrNotFound) {
		s.own.mine["missing "+id] = true
	}
	return g, err
}

func (s caching) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	if groups, ok := s.own.below[f]; ok && s.what == groupLists && cursor == "" {
		return slices.Clone(groups), "", nil
	}
	groups, next, err := s.base.Groups(ctx, f, cursor, limit)
	if err == nil && cursor == "" && next == "" {
		s.own.below[f] = slices.Clone(groups)
	}
	return groups, next, err
}

func (s caching) InsertGroup(ctx context.Context, g usageplan.Group) error {
	return s.writes(func() error {
		err := s.base.InsertGroup(ctx, g)
		if err == nil {
			s.own.versions[g.ID] = 1
			delete(s.own.mine, "missing "+g.ID)
		}
		return err
	})
}

func (s caching) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return s.writes(func() error {
		err := s.base.UpdateGroup(ctx, g)
		if errors.Is(err, usageplan.ErrConflict) && s.what == groupVersions && s.own.versions[g.ID] == g.Version {
			now, err := s.base.Group(ctx, g.ID)
			if err != nil {
				return err
			}
			g.Version = now.Version
			return s.base.UpdateGroup(ctx, g)
		}
		if err == nil {
			s.own.versions[g.ID] = g.Version + 1
		}
		return err
	})
}

func (s caching) DeleteGroup(ctx context.Context, id string, version int64) error {
	return s.writes(func() error { return s.base.DeleteGroup(ctx, id, version) })
}
