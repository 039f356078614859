package storetest

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

type (
	// planTakesGroup deletes the group that has the ID of a deleted plan.
	planTakesGroup struct{ base }
	// keyTakesGroup deletes the group that has the ID of a deleted key.
	keyTakesGroup struct{ base }
	// wantsGroup refuses a key whose group does not exist.
	wantsGroup struct{ base }
	// hidesKeys lists the keys of groups that exist.
	hidesKeys struct{ base }
	// tellsGroups is a Notifier that reports the changes of groups in a wrong way.
	tellsGroups struct {
		tells
		also func(g usageplan.Group) string // another ID that an update reports
		mute bool                           // no deletion is reported
	}
)

// groupsBesideFlaws are of stores that confuse groups with plans and keys.
var groupsBesideFlaws = []directoryFlaw[usageplan.Store]{
	groupFlaw("one table of plans and groups", "groups/other-ids", func() oddGroups {
		return oddGroups{insert: func(s base, ctx context.Context, g usageplan.Group) error {
			if _, err := s.Plan(ctx, g.ID); err == nil {
				return usageplan.ErrExists
			}
			return s.InsertGroup(ctx, g)
		}}
	}),
	groupFlaw("a deletion of a group and the plan of its ID", "groups/other-ids", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			err := s.DeleteGroup(ctx, id, version)
			if err == nil {
				_ = s.DeletePlan(ctx, id, 0)
			}
			return err
		}}
	}),
	{"a deletion of a plan and the group of its ID", "groups/other-ids", func() usageplan.Store { return planTakesGroup{newBase()} }},
	groupFlaw("one table of keys and groups", "groups/key-ids", func() oddGroups {
		return oddGroups{insert: func(s base, ctx context.Context, g usageplan.Group) error {
			if _, err := s.Key(ctx, g.ID); err == nil {
				return usageplan.ErrExists
			}
			return s.InsertGroup(ctx, g)
		}}
	}),
	groupFlaw("a deletion of a group and the key of its ID", "groups/key-ids", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			err := s.DeleteGroup(ctx, id, version)
			if err == nil {
				_ = s.DeleteKey(ctx, id)
			}
			return err
		}}
	}),
	groupFlaw("the keys of a deleted group leave it", "groups/key-ids, access/groups-again", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			err := s.DeleteGroup(ctx, id, version)
			keys, _, _ := s.Keys(ctx, apikey.Filter{GroupID: id}, "", 1000)
			for _, k := range keys {
				if err == nil {
					k.GroupID = ""
					_ = s.UpdateKey(ctx, k)
				}
			}
			return err
		}}
	}),
	{"a deletion of a key and the group of its ID", "groups/key-ids", func() usageplan.Store { return keyTakesGroup{newBase()} }},
	{"a key without its group is refused", "groups/key-ids", func() usageplan.Store { return wantsGroup{newBase()} }},
	{"the keys of a missing group are not listed", "groups/key-ids", func() usageplan.Store { return hidesKeys{newBase()} }},
}

func (s planTakesGroup) DeletePlan(ctx context.Context, id string, version int64) error {
	err := s.base.DeletePlan(ctx, id, version)
	if err == nil {
		_ = s.DeleteGroup(ctx, id, 0)
	}
	return err
}

func (s keyTakesGroup) DeleteKey(ctx context.Context, id string) error {
	err := s.base.DeleteKey(ctx, id)
	if err == nil {
		_ = s.DeleteGroup(ctx, id, 0)
	}
	return err
}

func (s wantsGroup) InsertKey(ctx context.Context, k apikey.Key) error {
	if _, err := s.Group(ctx, k.GroupID); err != nil && k.GroupID == k.ID {
		return err
	}
	return s.base.InsertKey(ctx, k)
}

func (s hidesKeys) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	if _, err := s.Group(ctx, f.GroupID); err != nil && f.GroupID != "" {
		return nil, "", nil
	}
	return s.base.Keys(ctx, f, cursor, limit)
}

var groupNotifyFlaws = []directoryFlaw[usageplan.Store]{
	{"notifies before the change of a group", "groups/notify", func() usageplan.Store { return tellsGroups{tells: newTells(before)} }},
	{"notifies of a failed change of a group", "groups/notify", func() usageplan.Store { return tellsGroups{tells: newTells(failed)} }},
	{"notifies of the parent when a group changes", "groups/notify", func() usageplan.Store { return tellsGroups{tells: newTells(ofPlan)} }},
	{"never notifies of groups", "groups/notify", func() usageplan.Store { return tellsGroups{tells: newTells(never)} }},
	{"notifies of the plan, too, when a group changes", "groups/notify", func() usageplan.Store {
		return tellsGroups{tells: newTells(failed), also: func(g usageplan.Group) string { return g.PlanID }}
	}},
	{"does not notify of the deletion of a group", "groups/notify", func() usageplan.Store {
		return tellsGroups{tells: newTells(failed), mute: true}
	}},
	{"notifies of groups without their IDs", "groups/notify", func() usageplan.Store { return unnamedGroups{newBase(), new(bool)} }},
	{"notifies listeners of groups that have stopped", "groups/notify", func() usageplan.Store { return neverStopsGroups{newBase(), new(bool)} }},
}

func (s tellsGroups) InsertGroup(ctx context.Context, g usageplan.Group) error {
	id := g.ID
	if s.way == ofPlan {
		id = g.ParentID
	}
	if s.also != nil || s.mute {
		return s.base.InsertGroup(ctx, g)
	}
	return s.insert(id, func() error { return s.base.InsertGroup(ctx, g) })
}

func (s tellsGroups) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	err := s.base.UpdateGroup(ctx, g)
	if err == nil && s.also != nil {
		s.tell(s.also(g))
	}
	return err
}

func (s tellsGroups) DeleteGroup(ctx context.Context, id string, version int64) error {
	*s.quiet = s.mute
	defer func() { *s.quiet = false }()
	return s.base.DeleteGroup(ctx, id, version)
}

// InsertPlan and the others are as in the base.
func (s tellsGroups) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.base.InsertPlan(ctx, p)
}

func (s tellsGroups) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.base.InsertLink(ctx, l)
}

func (s tellsGroups) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.base.InsertKey(ctx, k)
}

// unnamedGroups reports the empty ID when a group is updated.
type unnamedGroups struct {
	base
	updates *bool
}

func (s unnamedGroups) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	*s.updates = true
	defer func() { *s.updates = false }()
	return s.base.UpdateGroup(ctx, g)
}

func (s unnamedGroups) OnChange(changed func(id string)) func() {
	return s.base.OnChange(func(id string) {
		if *s.updates {
			id = ""
		}
		changed(id)
	})
}

// neverStopsGroups tells of inserted groups after stop.
type neverStopsGroups struct {
	base
	inserts *bool
}

func (s neverStopsGroups) InsertGroup(ctx context.Context, g usageplan.Group) error {
	*s.inserts = true
	defer func() { *s.inserts = false }()
	return s.base.InsertGroup(ctx, g)
}

func (s neverStopsGroups) OnChange(changed func(id string)) func() {
	stop := s.base.OnChange(changed)
	return func() {
		stop()
		s.base.OnChange(func(id string) {
			if *s.inserts {
				changed(id)
			}
		})
	}
}
