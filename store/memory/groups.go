package memory

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/usageplan"
)

// groups is the directory of groups. It is a part of plans, which has the lock and gives
// the numbers.
type groups struct {
	list list[usageplan.Group]
	byID map[string]*item[usageplan.Group]
}

// InsertGroup implements usageplan.GroupStore.
func (s *Store) InsertGroup(ctx context.Context, g usageplan.Group) error {
	return s.changePlans(ctx, "group", g.ID, func(ps *plans) error {
		g.Version = 1 // whatever the caller has set
		return ps.insertGroup(ps.last+1, g)
	})
}

// Group implements usageplan.GroupStore.
func (s *Store) Group(ctx context.Context, id string) (usageplan.Group, error) {
	if err := ctx.Err(); err != nil {
		return usageplan.Group{}, err
	}
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()
	it := s.plans.groups.byID[id]
	if it == nil {
		return usageplan.Group{}, usageplan.ErrNotFound
	}
	return it.record.Clone(), nil
}

// UpdateGroup implements usageplan.GroupStore.
func (s *Store) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return s.changePlans(ctx, "group", g.ID, func(ps *plans) error {
		it := ps.groups.byID[g.ID]
		switch {
		case it == nil:
			return usageplan.ErrNotFound
		case it.record.Version != g.Version:
			return usageplan.ErrConflict
		}
		it.record = g.Clone()
		it.record.Version++
		return nil
	})
}

// DeleteGroup implements usageplan.GroupStore. The groups and keys that refer to the
// group stay.
func (s *Store) DeleteGroup(ctx context.Context, id string, version int64) error {
	return s.changePlans(ctx, "group", id, func(ps *plans) error {
		it := ps.groups.byID[id]
		switch {
		case it == nil:
			return usageplan.ErrNotFound
		case version != 0 && it.record.Version != version:
			return usageplan.ErrConflict
		}
		delete(ps.groups.byID, id)
		ps.groups.list.remove(it)
		return nil
	})
}

// Groups implements usageplan.GroupStore. A page looks at 1,000 groups at most. With a
// narrow filter it may hold fewer than limit, or none, and still have a next cursor.
func (s *Store) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()
	page, next, err := s.plans.groups.list.page(s.plans.last, cursor, limit, f.Passes)
	if err != nil {
		return nil, "", fmt.Errorf("store/memory: groups: %w: %w", usageplan.ErrInvalid, err)
	}
	for i := range page {
		page[i] = page[i].Clone()
	}
	return page, next, nil
}

// insertGroup adds a group as insert adds a plan. As usageplan.GroupStore demands,
// neither the parent nor the plan needs to exist.
func (ps *plans) insertGroup(number uint64, g usageplan.Group) error {
	if ps.groups.byID[g.ID] != nil {
		return usageplan.ErrExists
	}
	if ps.groups.byID == nil {
		ps.groups.byID = map[string]*item[usageplan.Group]{}
	}
	ps.last = max(ps.last, number)
	ps.groups.byID[g.ID] = ps.groups.list.add(number, g.Clone())
	return nil
}

// lineage returns the groups from a key's group to the root, as usageplan.Access has
// them: it ends at a group that does not exist, and after one group too many. So it ends
// in a cycle, too.
func (gs *groups) lineage(id string) (line []usageplan.Group) {
	for id != "" && len(line) <= usageplan.MaxGroups {
		it := gs.byID[id]
		if it == nil {
			break
		}
		line = append(line, it.record.Clone())
		id = it.record.ParentID
	}
	return line
}
