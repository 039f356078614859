package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ration-go/ration/usageplan"
)

type (
	fromZero struct{ base }
	shares   struct {
		base
		plan *usageplan.Plan
	}
	takesLinks  struct{ base }
	newestFirst struct{ base }
	linksTwice  struct{ base }
	dropsEmpty  struct{ base }
	deletesAny  struct{ base }
)

var storedPlanFlaws = []directoryFlaw[usageplan.Store]{
	{"keeps whole seconds", "insert", func() usageplan.Store { return wholeSeconds{newBase()} }},
	{"overwrites on insert", "insert", func() usageplan.Store { return overwrites{newBase()} }},
	{"counts versions from 0", "insert", func() usageplan.Store { return fromZero{newBase()} }},
	{"deletes what does not exist", "missing", func() usageplan.Store { return idempotent{newBase()} }},
	{"keeps fields that an update clears", "update", func() usageplan.Store { return merges{newBase()} }},
	{"shares a stored plan", "copies", func() usageplan.Store { return shares{newBase(), new(usageplan.Plan)} }},
	{"the last writer wins", "version", func() usageplan.Store { return lastWins{newBase()} }},
	{"deletes the links of a deleted plan", "delete", func() usageplan.Store { return takesLinks{newBase()} }},
	{"deletes a plan that has changed", "delete/version", func() usageplan.Store { return deletesAny{newBase()} }},
	{"lists the oldest first", "list", func() usageplan.Store { return oldestFirst{newBase()} }},
	{"returns one more than the limit", "list", func() usageplan.Store { return oneMore{newBase()} }},
	{"starts over at a bad cursor", "cursor", func() usageplan.Store { return lenient{newBase()} }},
	{"ignores ctx", "ctx", func() usageplan.Store { return ignoresCtx{newBase()} }},
	{"refuses concurrent callers", "together", func() usageplan.Store { return rejectsConcurrent{newBase(), make(chan struct{}, 1)} }},
	{"a key's newest link first", "links", func() usageplan.Store { return newestFirst{newBase()} }},
	{"links twice", "links", func() usageplan.Store { return linksTwice{newBase()} }},
	{"reads empty overrides as none", "links/update", func() usageplan.Store { return dropsEmpty{newBase()} }},
	{"cursors are offsets", "links/meanwhile", func() usageplan.Store { return offsets{newBase()} }},
	{"cursors are offsets, links are removed", "links/removed", func() usageplan.Store { return offsets{newBase()} }},
	{"notifies stopped listeners", "notify", func() usageplan.Store { return neverStops{newBase()} }},
	{"notifies before the change", "notify", func() usageplan.Store { return newTells(before) }},
	{"notifies of a failed change", "notify", func() usageplan.Store { return newTells(failed) }},
	{"notifies of the plan when a link changes", "notify", func() usageplan.Store { return newTells(ofPlan) }},
	{"never notifies", "notify", func() usageplan.Store { return newTells(never) }},
}

func (s lastWins) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	for {
		now, err := s.Plan(ctx, p.ID)
		if err != nil {
			return err
		}
		p.Version = now.Version
		if err = s.base.UpdatePlan(ctx, p); !errors.Is(err, usageplan.ErrConflict) {
			return err
		}
	}
}

func (s oldestFirst) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	plans, next, err := s.base.Plans(ctx, cursor, limit)
	slices.Reverse(plans)
	return plans, next, err
}

func (s offsets) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	all, _, err := s.base.PlanLinks(ctx, id, "", 10_000)
	if err != nil {
		return nil, "", err
	}
	return offset(all, cursor, limit, usageplan.ErrInvalid)
}

func (s oneMore) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	return s.base.Plans(ctx, cursor, limit+1)
}

func (s ignoresCtx) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.base.InsertLink(context.WithoutCancel(ctx), l)
}

func (s wholeSeconds) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	p.Created = p.Created.Truncate(time.Second)
	return s.base.InsertPlan(ctx, p)
}

func (s lenient) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	plans, next, err := s.base.Plans(ctx, cursor, limit)
	if errors.Is(err, usageplan.ErrInvalid) {
		return s.base.Plans(ctx, "", limit)
	}
	return plans, next, err
}

func (s overwrites) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	_ = s.DeletePlan(ctx, p.ID, 0)
	return s.base.InsertPlan(ctx, p)
}

func (s shares) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	*s.plan = p
	return s.base.InsertPlan(ctx, p)
}

func (s shares) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	if s.plan.ID == id {
		return *s.plan, nil
	}
	return s.base.Plan(ctx, id)
}

func (s deletesAny) DeletePlan(ctx context.Context, id string, _ int64) error {
	return s.base.DeletePlan(ctx, id, 0)
}

func (s takesLinks) DeletePlan(ctx context.Context, id string, version int64) error {
	links, _, err := s.PlanLinks(ctx, id, "", 1000)
	for _, l := range links {
		_ = s.DeleteLink(ctx, l.PlanID, l.KeyID)
	}
	return errors.Join(err, s.base.DeletePlan(ctx, id, version))
}

func (s newestFirst) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	slices.Reverse(links)
	return links, err
}

func (s linksTwice) InsertLink(ctx context.Context, l usageplan.Link) error {
	if err := s.base.InsertLink(ctx, l); !errors.Is(err, usageplan.ErrExists) {
		return err
	}
	return nil
}

func (s fromZero) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	p, err := s.base.Plan(ctx, id)
	p.Version--
	return p, err
}

func (s idempotent) DeleteLink(ctx context.Context, planID, keyID string) error {
	if err := s.base.DeleteLink(ctx, planID, keyID); !errors.Is(err, usageplan.ErrNotFound) {
		return err
	}
	return nil
}

func (s merges) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	if old, err := s.Plan(ctx, p.ID); err == nil && p.Throttle == nil {
		p.Throttle = old.Throttle
	}
	return s.base.UpdatePlan(ctx, p)
}

func (s rejectsConcurrent) InsertLink(ctx context.Context, l usageplan.Link) error {
	if !s.enter() {
		return errors.New("busy")
	}
	return s.base.InsertLink(ctx, l)
}

func (s dropsEmpty) UpdateLink(ctx context.Context, l usageplan.Link) error {
	if len(l.Quotas) == 0 {
		l.Quotas = nil
	}
	return s.base.UpdateLink(ctx, l)
}
