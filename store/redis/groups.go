package redis

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/usageplan"
)

// groupJSON encodes the JSON of a group's record, without the two fields that stand
// before it. See keyJSON.
type groupJSON struct {
	usageplan.Group
	ParentID struct{} `json:"parentId,omitzero"`
	PlanID   struct{} `json:"planId,omitzero"`
}

// InsertGroup implements usageplan.GroupStore.
func (s *Store) InsertGroup(ctx context.Context, g usageplan.Group) error {
	g.Version = 1
	return s.changeGroup(ctx, "insert", 0, g)
}

// UpdateGroup implements usageplan.GroupStore.
func (s *Store) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	found := g.Version
	g.Version++
	return s.changeGroup(ctx, "update", found, g)
}

// DeleteGroup implements usageplan.GroupStore.
func (s *Store) DeleteGroup(ctx context.Context, id string, version int64) error {
	return s.changeGroup(ctx, "delete", version, usageplan.Group{ID: id})
}

// Group implements usageplan.GroupStore.
func (s *Store) Group(ctx context.Context, id string) (g usageplan.Group, err error) {
	record, err := s.getRecord(ctx, "groups", id)
	if rueidis.IsRedisNil(err) {
		err = usageplan.ErrNotFound
	}
	if err == nil {
		g, err = decodeGroup(record)
	}
	if err != nil {
		return usageplan.Group{}, commandError(err, "group %q", id)
	}
	return g, nil
}

// Groups implements usageplan.GroupStore. For one page it examines at most 1,000 groups,
// so a filtered page may be short, or empty, and still have a next cursor.
func (s *Store) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	l := listing[usageplan.Group]{
		order: "groups-by-age", records: "groups", filter: []string{equals(f.ParentID), equals(f.PlanID)},
		read: decodeGroup, invalid: usageplan.ErrInvalid,
	}
	page, next, err := l.page(ctx, s, cursor, limit)
	if err != nil {
		return nil, "", commandError(err, "groups")
	}
	return page, next, nil
}

// changeGroup inserts, updates or deletes the group that has g's id. An update expects
// the version found, and so does a deletion unless found is 0.
func (s *Store) changeGroup(ctx context.Context, verb string, found int64, g usageplan.Group) (err error) {
	record := ""
	if verb != "delete" {
		record, err = encodeGroup(g)
	}
	if err == nil {
		err = s.change(ctx, change{
			verb: verb, id: g.ID, records: "groups", name: g.ID, version: found, record: record,
			listed: []place{{"groups-by-age", g.ID}},
		}, planVerdicts)
	}
	if err != nil {
		return commandError(err, "%s group %q", verb, g.ID)
	}
	return nil
}

func encodeGroup(g usageplan.Group) (string, error) {
	return encode(g.Version, appendTexts(nil, g.ParentID, g.PlanID), groupJSON{Group: g})
}

func decodeGroup(record string) (g usageplan.Group, err error) {
	extra, err := recordBody(record)
	if err != nil {
		return g, err
	}
	var parent, plan string
	rest, err := cutTexts(extra, &parent, &plan)
	if err != nil {
		return g, err
	}
	err = unmarshal(rest, &g)
	g.ParentID, g.PlanID = parent, plan
	return g, err
}
