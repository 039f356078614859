package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

var planAtOnceFlaws = []directoryFlaw[usageplan.Store]{
	{"looks for an ID before it inserts the plan", "at-once/id", func() usageplan.Store { return looksForID{newBase()} }},
	{"looks for a link before it inserts it", "at-once/link", func() usageplan.Store { return looksForLink{newBase()} }},
	{"rewrites the list of a key's links", "at-once/links", func() usageplan.Store { return &rewritesLinks{base: newBase()} }},
	{"two callers delete one plan", "at-once/delete", func() usageplan.Store { return deletesTwice{newBase()} }},
	{"two callers delete one link", "at-once/delete", func() usageplan.Store { return deletesLinkTwice{newBase()} }},
	{"an update brings a deleted link back", "at-once/gone", func() usageplan.Store { return revives{newBase()} }},
	{"an update deletes the row and inserts it again", "at-once/look-up", func() usageplan.Store { return &rowGone{base: newBase()} }},
	{"an update writes one field after the other", "at-once/look-up", func() usageplan.Store { return &torn{base: newBase()} }},
	{"a key misses the link that is updated", "at-once/list", func() usageplan.Store { return &unlisted{base: newBase()} }},
	{"an update makes a link the newest for a moment", "at-once/list", func() usageplan.Store { return &moves{base: newBase()} }},
	{"a link that ctx ends is the key's and not the plan's", "at-once/ctx", func() usageplan.Store { return &linksHalf{base: newBase()} }},
	{"a deletion of a link that ctx ends reports success", "at-once/ctx", func() usageplan.Store { return drops{newBase()} }},
}

type (
	looksForLink     struct{ base }
	deletesLinkTwice struct{ base }

	rewritesLinks struct {
		base
		lost overlay[bool]
	}
	moves struct {
		base
		first overlay[bool]
	}
	linksHalf struct {
		base
		half overlay[bool]
	}
)

func (s looksForID) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	if _, err := s.Plan(ctx, p.ID); err == nil {
		return usageplan.ErrExists
	}
	wait()
	if _, err := s.Plan(ctx, p.ID); err == nil {
		_ = s.DeletePlan(ctx, p.ID, 0)
	}
	return s.base.InsertPlan(ctx, p)
}

// linked reports whether a key and a plan are linked.
func linked(ctx context.Context, s base, l usageplan.Link) bool {
	links, _ := s.KeyLinks(ctx, l.KeyID)
	return slices.ContainsFunc(links, func(o usageplan.Link) bool { return o.PlanID == l.PlanID })
}

func (s looksForLink) InsertLink(ctx context.Context, l usageplan.Link) error {
	if linked(ctx, s.base, l) {
		return usageplan.ErrExists
	}
	wait()
	if linked(ctx, s.base, l) {
		_ = s.DeleteLink(ctx, l.PlanID, l.KeyID)
	}
	return s.base.InsertLink(ctx, l)
}

func (s *rewritesLinks) InsertLink(ctx context.Context, l usageplan.Link) error {
	before, err := s.base.KeyLinks(ctx, l.KeyID)
	if err != nil {
		return err
	}
	wait()
	if err := s.base.InsertLink(ctx, l); err != nil {
		return err
	}
	s.lost.unset(l.PlanID + " " + l.KeyID)
	after, _ := s.base.KeyLinks(ctx, l.KeyID)
	for _, o := range after {
		known := slices.ContainsFunc(before, func(b usageplan.Link) bool { return b.PlanID == o.PlanID })
		if !known && o.PlanID != l.PlanID {
			s.lost.set(o.PlanID+" "+o.KeyID, true)
		}
	}
	return nil
}

func (s *rewritesLinks) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	return slices.DeleteFunc(links, func(l usageplan.Link) bool { return s.lost.has(l.PlanID + " " + l.KeyID) }), err
}

func (s deletesTwice) DeletePlan(ctx context.Context, id string, version int64) error {
	if _, err := s.Plan(ctx, id); err != nil {
		return err
	}
	wait()
	if err := s.base.DeletePlan(ctx, id, version); !errors.Is(err, usageplan.ErrNotFound) {
		return err
	}
	return nil
}

func (s deletesLinkTwice) DeleteLink(ctx context.Context, planID, keyID string) error {
	if !linked(ctx, s.base, usageplan.Link{PlanID: planID, KeyID: keyID}) {
		return s.base.DeleteLink(ctx, planID, keyID)
	}
	wait()
	if err := s.base.DeleteLink(ctx, planID, keyID); !errors.Is(err, usageplan.ErrNotFound) {
		return err
	}
	return nil
}

func (s revives) UpdateLink(ctx context.Context, l usageplan.Link) error {
	if !linked(ctx, s.base, l) {
		return s.base.UpdateLink(ctx, l)
	}
	wait()
	err := s.base.UpdateLink(ctx, l)
	if errors.Is(err, usageplan.ErrNotFound) {
		return s.base.InsertLink(ctx, l)
	}
	return err
}

func (s *rowGone) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	s.gone.set(p.ID, true)
	wait()
	s.gone.unset(p.ID)
	return s.base.UpdatePlan(ctx, p)
}

func (s *rowGone) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	if s.gone.has(id) {
		return usageplan.Plan{}, usageplan.ErrNotFound
	}
	return s.base.Plan(ctx, id)
}

func (s *torn) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	old, err := s.base.Plan(ctx, p.ID)
	if err != nil {
		return err
	}
	if err = s.base.UpdatePlan(ctx, p); err == nil {
		s.plans.set(p.ID, old.Name)
		defer s.plans.unset(p.ID)
		wait()
	}
	return err
}

func (s *torn) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	p, err := s.base.Plan(ctx, id)
	if name, ok := s.plans.get(id); ok {
		p.Name = name
	}
	return p, err
}

func (s *unlisted) UpdateLink(ctx context.Context, l usageplan.Link) error {
	s.gone.set(l.PlanID+" "+l.KeyID, true)
	wait()
	s.gone.unset(l.PlanID + " " + l.KeyID)
	return s.base.UpdateLink(ctx, l)
}

func (s *unlisted) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	return slices.DeleteFunc(links, func(l usageplan.Link) bool { return s.gone.has(l.PlanID + " " + l.KeyID) }), err
}

func (s *moves) UpdateLink(ctx context.Context, l usageplan.Link) error {
	s.first.set(l.PlanID+" "+l.KeyID, true)
	defer s.first.unset(l.PlanID + " " + l.KeyID)
	wait()
	return s.base.UpdateLink(ctx, l)
}

func (s *moves) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	links, next, err := s.base.PlanLinks(ctx, id, cursor, limit)
	for i, l := range links {
		if s.first.has(l.PlanID + " " + l.KeyID) {
			links = slices.Insert(slices.Delete(links, i, i+1), 0, l)
			break
		}
	}
	return links, next, err
}

func (s *linksHalf) InsertLink(ctx context.Context, l usageplan.Link) error {
	if err := s.base.InsertLink(ctx, l); err != nil || ctx.Err() == nil {
		return err
	}
	s.half.set(l.PlanID+" "+l.KeyID, true)
	return ctx.Err()
}

func (s *linksHalf) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	links, next, err := s.base.PlanLinks(ctx, id, cursor, limit)
	return slices.DeleteFunc(links, func(l usageplan.Link) bool { return s.half.has(l.PlanID + " " + l.KeyID) }), next, err
}

func (s drops) DeleteLink(ctx context.Context, planID, keyID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	return s.base.DeleteLink(ctx, planID, keyID)
}
