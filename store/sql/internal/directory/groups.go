package directory

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/usageplan"
)

func groupTable() *table[usageplan.Group] {
	return &table[usageplan.Group]{
		name: "ration_groups", ids: 1, fields: groupFields, faults: planFaults,
		label: func(g *usageplan.Group) string { return fmt.Sprintf("group %q", g.ID) },
	}
}

func groupFields(g *usageplan.Group) []field {
	return []field{
		textField("id", &g.ID),
		textField("name", &g.Name),
		referenceField("parent_id", &g.ParentID),
		referenceField("plan_id", &g.PlanID),
		groupLimits(g),
		timeField("created", &g.Created),
		timeField("updated", &g.Updated),
		intField("version", &g.Version),
	}
}

// InsertGroup implements usageplan.GroupStore.
func (s *Store) InsertGroup(ctx context.Context, g usageplan.Group) error {
	g.Version = 1
	return insert(ctx, s, s.groups, &g, g.ID)
}

// UpdateGroup implements usageplan.GroupStore.
func (s *Store) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return update(ctx, s, s.groups, &g, g.ID)
}

// DeleteGroup implements usageplan.GroupStore.
func (s *Store) DeleteGroup(ctx context.Context, id string, version int64) error {
	return remove(ctx, s, s.groups, &usageplan.Group{ID: id, Version: version}, id)
}

// Group implements usageplan.GroupStore.
func (s *Store) Group(ctx context.Context, id string) (usageplan.Group, error) {
	g, err := find(ctx, s, s.groups, s.groups.sql.one, escapeText(id))
	return g, s.failed(ctx, fmt.Sprintf("group %q", id), err)
}

// Groups implements usageplan.GroupStore. For one page it examines at most 1,000 groups.
// So with both filters a page may be short, or empty, and still have a next cursor.
func (s *Store) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	groups, next, err := list(ctx, s, s.groups, cursor, limit, f.Passes,
		filter{column: "parent_id", value: escapeText(f.ParentID), indexed: true},
		filter{column: "plan_id", value: escapeText(f.PlanID), indexed: true})
	return groups, next, s.failed(ctx, "groups", err)
}
