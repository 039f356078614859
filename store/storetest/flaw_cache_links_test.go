package storetest

import (
	"context"
	"errors"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// These flaws are of stores that cache links, or that keep few of them.
type (
	noLinks struct {
		base
		ofKeys bool
		empty  *memo[string, bool]
	}
	dropsLinks struct {
		base
		deleted *memo[string, bool]
	}
	firstLinks struct {
		base
		links *memo[[2]string, usageplan.Link]
	}
	fewLinks  struct{ base }
	accessCtx struct{ base }
)

var cachePlanFlaws = []directoryFlaw[usageplan.Store]{
	{"an update of version 0 matches every version", "version/any", func() usageplan.Store { return anyVersion{newBase()} }},
	{"an update of a link of version 0 matches every version", "version/any", func() usageplan.Store { return anyVersionOfLinks{newBase()} }},
	{"an update of a later version succeeds", "version/any", func() usageplan.Store { return laterVersion{newBase()} }},
	{"a new plan keeps a version that is not 0", "version/any", func() usageplan.Store { return defaultPlan{newBase()} }},
	{"a new link keeps a version that is not 0", "version/any", func() usageplan.Store { return defaultLink{newBase()} }},
	{"remembers that a key has no links", "links/again, access/groups-again", func() usageplan.Store {
		return noLinks{newBase(), true, newMemo[string, bool]()}
	}},
	{"remembers that a plan has no links", "links/again", func() usageplan.Store {
		return noLinks{newBase(), false, newMemo[string, bool]()}
	}},
	{"a plan that is inserted again has no links", "again", func() usageplan.Store { return dropsLinks{newBase(), newMemo[string, bool]()} }},
	{"an Access with the links as they were inserted", "access/again", func() usageplan.Store {
		return firstLinks{newBase(), newMemo[[2]string, usageplan.Link]()}
	}},
	{"at most 100 links of a key", "links/many, access/many", func() usageplan.Store { return fewLinks{newBase()} }},
	{"an Access of at most 100 plans", "access/many", func() usageplan.Store {
		return changedAccess{newBase(), func(a *usageplan.Access) { a.Plans = a.Plans[:min(100, len(a.Plans))] }}
	}},
	{"an Access ignores ctx", "access/ctx", func() usageplan.Store { return accessCtx{newBase()} }},
}

func (s noLinks) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	if s.ofKeys && s.empty.has(id) {
		return nil, nil
	}
	links, err := s.base.KeyLinks(ctx, id)
	if err == nil && len(links) == 0 && s.ofKeys {
		s.empty.set(id, true)
	}
	return links, err
}

func (s noLinks) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	if !s.ofKeys && s.empty.has(id) {
		return nil, "", nil
	}
	links, next, err := s.base.PlanLinks(ctx, id, cursor, limit)
	if err == nil && cursor == "" && len(links) == 0 && !s.ofKeys {
		s.empty.set(id, true)
	}
	return links, next, err
}

func (s noLinks) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	return s.access(a), err
}

func (s noLinks) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	return s.access(a), err
}

func (s noLinks) access(a usageplan.Access) usageplan.Access {
	if s.ofKeys && s.empty.has(a.Key.ID) {
		a.Links, a.Plans = nil, nil
	}
	return a
}

func (s dropsLinks) DeletePlan(ctx context.Context, id string, version int64) error {
	err := s.base.DeletePlan(ctx, id, version)
	if err == nil {
		s.deleted.set(id, true)
	}
	return err
}

func (s dropsLinks) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	err := s.base.InsertPlan(ctx, p)
	if err != nil || !s.deleted.has(p.ID) {
		return err
	}
	links, _, err := s.PlanLinks(ctx, p.ID, "", 1000)
	for _, l := range links {
		err = errors.Join(err, s.DeleteLink(ctx, l.PlanID, l.KeyID))
	}
	return err
}

func (s firstLinks) InsertLink(ctx context.Context, l usageplan.Link) error {
	err := s.base.InsertLink(ctx, l)
	if err == nil {
		l.Version = 1
		s.links.set([2]string{l.PlanID, l.KeyID}, l.Clone())
	}
	return err
}

func (s firstLinks) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	for i, l := range a.Links {
		a.Links[i] = s.links.of([2]string{l.PlanID, l.KeyID}).Clone()
	}
	return a, err
}

func (s fewLinks) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	return links[:min(100, len(links))], err
}

func (s accessCtx) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	return s.base.AccessByKey(context.WithoutCancel(ctx), id)
}
