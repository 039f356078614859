package storetest

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// oneByOne reads an Access with single calls.
type oneByOne struct{ base }

func (s oneByOne) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	k, err := s.KeyByDigest(ctx, d)
	if err != nil {
		return usageplan.Access{}, err
	}
	for range 20 {
		runtime.Gosched()
	}
	return s.AccessByKey(ctx, k.ID)
}

func (s oneByOne) AccessByKey(ctx context.Context, id string) (a usageplan.Access, err error) {
	if a.Key, err = s.Key(ctx, id); err != nil {
		return a, err
	}
	if a.Links, err = s.KeyLinks(ctx, id); err != nil {
		return a, err
	}
	for range 20 {
		runtime.Gosched()
	}
	for i := range a.Links {
		if p, err := s.Plan(ctx, a.Links[i].PlanID); !errors.Is(err, usageplan.ErrNotFound) {
			a.Plans = append(a.Plans, p)
		}
	}
	return a, s.readGroups(ctx, &a)
}

// readGroups reads the groups of a key and their plans with single calls.
func (s oneByOne) readGroups(ctx context.Context, a *usageplan.Access) error {
	for id := a.Key.GroupID; id != "" && len(a.Groups) <= usageplan.MaxGroups; {
		g, err := s.Group(ctx, id)
		if errors.Is(err, usageplan.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for range 20 {
			runtime.Gosched()
		}
		a.Groups = append(a.Groups, g)
		if p, err := s.Plan(ctx, g.PlanID); err == nil && a.Plan(p.ID) == nil {
			a.Plans = append(a.Plans, p)
		}
		id = g.ParentID
	}
	return nil
}

// changedAccess changes an Access before it returns it.
type changedAccess struct {
	base
	change func(*usageplan.Access)
}

func (s changedAccess) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	s.change(&a)
	return a, err
}

// currentOnly does not find a retiring digest.
type currentOnly struct{ base }

func (s currentOnly) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	if err == nil && a.Key.Digest != d {
		return usageplan.Access{}, apikey.ErrNotFound
	}
	return a, err
}

// failsOnDeadLink fails if a link's plan does not exist.
type failsOnDeadLink struct{ base }

func (s failsOnDeadLink) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	if err == nil && len(a.Plans) < len(a.Links) {
		return usageplan.Access{}, usageplan.ErrNotFound
	}
	return a, err
}

// sameAgain returns the Access that it returned before.
type sameAgain struct {
	base
	last *usageplan.Access
}

func (s *sameAgain) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	if s.last != nil {
		return *s.last, nil
	}
	a, err := s.base.AccessByKey(ctx, id)
	s.last = &a
	return a, err
}

var accessFlaws = []directoryFlaw[usageplan.Store]{
	{"an Access that is read in parts", "access/instant", func() usageplan.Store { return oneByOne{newBase()} }},
	{"an Access that misses a retiring digest", "access", func() usageplan.Store { return currentOnly{newBase()} }},
	{"an Access that fails for a dead link", "access", func() usageplan.Store { return failsOnDeadLink{newBase()} }},
	{"an Access with the newest link first", "access", func() usageplan.Store {
		return changedAccess{newBase(), func(a *usageplan.Access) { slices.Reverse(a.Links) }}
	}},
	{"an Access without plans", "access", func() usageplan.Store {
		return changedAccess{newBase(), func(a *usageplan.Access) { a.Plans = nil }}
	}},
	{"an Access that is shared", "access/copies", func() usageplan.Store { return &sameAgain{base: newBase()} }},
}
