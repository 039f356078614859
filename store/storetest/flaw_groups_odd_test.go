package storetest

import (
	"context"

	"github.com/ration-go/ration/usageplan"
)

// oddGroups is a directory that keeps groups in a way of its own. A function that is nil
// is as in the base, which the functions get.
type oddGroups struct {
	base
	insert func(s base, ctx context.Context, g usageplan.Group) error
	read   func(s base, ctx context.Context, id string) (usageplan.Group, error)
	update func(s base, ctx context.Context, g usageplan.Group) error
	remove func(s base, ctx context.Context, id string, version int64) error
	list   groupList
}

func (s oddGroups) InsertGroup(ctx context.Context, g usageplan.Group) error {
	if s.insert == nil {
		return s.base.InsertGroup(ctx, g)
	}
	return s.insert(s.base, ctx, g)
}

func (s oddGroups) Group(ctx context.Context, id string) (usageplan.Group, error) {
	if s.read == nil {
		return s.base.Group(ctx, id)
	}
	return s.read(s.base, ctx, id)
}

func (s oddGroups) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	if s.update == nil {
		return s.base.UpdateGroup(ctx, g)
	}
	return s.update(s.base, ctx, g)
}

func (s oddGroups) DeleteGroup(ctx context.Context, id string, version int64) error {
	if s.remove == nil {
		return s.base.DeleteGroup(ctx, id, version)
	}
	return s.remove(s.base, ctx, id, version)
}

func (s oddGroups) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	if s.list == nil {
		return s.base.Groups(ctx, f, cursor, limit)
	}
	return s.list(s.base, groupQuery{ctx, f, cursor, limit})
}

// groupFlaw is a flaw of oddGroups that make makes. Their base is set here.
func groupFlaw(name, caught string, make func() oddGroups) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store {
		s := make()
		s.base = newBase()
		return s
	}}
}

// groupList returns a page of a listing of groups.
type groupList = func(s base, q groupQuery) ([]usageplan.Group, string, error)

// groupQuery holds the arguments of Groups.
type groupQuery struct {
	ctx    context.Context
	f      usageplan.GroupFilter
	cursor string
	limit  int
}

// page returns the page that s returns.
func (q groupQuery) page(s base) ([]usageplan.Group, string, error) {
	return s.Groups(q.ctx, q.f, q.cursor, q.limit)
}
