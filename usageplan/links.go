package usageplan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/internal/retry"
)

// Link ties a key to a plan: AddLink without more.
func (s *Service) Link(ctx context.Context, planID, keyID string) error {
	_, err := s.AddLink(ctx, Link{PlanID: planID, KeyID: keyID})
	return err
}

// AddLink ties a key to a plan with a subject of its own and overrides, and returns it as
// it was kept. Key and plan must be there (apikey.ErrNotFound, ErrNotFound). A second
// link of the two is ErrExists. A plan that names an API stage that another plan of the
// key names is ErrClash: one plan for each key and stage, as in AWS.
//
// Plans without stages do not clash. Where several of a key's are for every stage, the
// plan of the oldest link counts until another names the stage, or the oldest link is
// removed. Audit finds such keys.
func (s *Service) AddLink(ctx context.Context, l Link) (Link, error) {
	if l.Subject == "" {
		links, err := s.KeyLinks(ctx, l.KeyID)
		if err != nil {
			return Link{}, err
		}
		l.Subject = subjectBeside(l.PlanID, l.KeyID, links)
	}
	l.Created, l.Version = now(), 1
	if err := l.Validate(); err != nil {
		return Link{}, err
	}
	if _, err := s.keys.Key(ctx, l.KeyID); err != nil {
		return Link{}, fmt.Errorf("usageplan: link key %s: %w", l.KeyID, err)
	}
	p, err := s.Get(ctx, l.PlanID)
	if err != nil {
		return Link{}, err
	}
	if err := s.clash(ctx, l.KeyID, &p, ""); err != nil {
		return Link{}, err
	}
	if err := s.plans.InsertLink(ctx, l); err != nil {
		return Link{}, fmt.Errorf("usageplan: link key %s to plan %s: %w", l.KeyID, l.PlanID, err)
	}
	return l, nil
}

// Unlink takes a key out of a plan. Linking the two again finds what was used, since the
// subject is the same by default.
func (s *Service) Unlink(ctx context.Context, planID, keyID string) error {
	if err := s.plans.DeleteLink(ctx, planID, keyID); err != nil {
		return fmt.Errorf("usageplan: unlink key %s from plan %s: %w", keyID, planID, err)
	}
	return nil
}

// removeLinks removes links, those too that are gone already.
func (s *Service) removeLinks(ctx context.Context, links []Link) error {
	for _, l := range links {
		if err := s.plans.DeleteLink(ctx, l.PlanID, l.KeyID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// UpdateLink changes a link's overrides under traffic. change may run more than once;
// only Throttle and Quotas can change. If it returns an error nothing is changed, and
// UpdateLink returns that. Tokens and what was used stay, or do not, as Update has it.
func (s *Service) UpdateLink(ctx context.Context, planID, keyID string, change func(*Link) error) (l Link, err error) {
	err = retry.Do(ctx, func() (raced bool, err error) {
		old, err := FindLink(ctx, s.plans, planID, keyID)
		if err != nil {
			return false, err
		}
		l = old.Clone()
		if err := change(&l); err != nil {
			return false, err
		}
		l = Link{old.PlanID, old.KeyID, old.Subject, l.Throttle, l.Quotas, old.Created, old.Version}
		if err := l.Validate(); err != nil {
			return false, err
		}
		return written("update link of key "+keyID, s.plans.UpdateLink(ctx, l))
	})
	if err != nil {
		return Link{}, err
	}
	l.Version++
	return l, nil
}

// Move links a key to another plan and takes it out of the first. The subject goes with
// it, and so does what was used; overrides stay behind. Between the two steps the first
// plan counts, being the older link.
func (s *Service) Move(ctx context.Context, keyID, fromPlanID, toPlanID string) error {
	old, err := FindLink(ctx, s.plans, fromPlanID, keyID)
	if err != nil {
		return err
	}
	p, err := s.Get(ctx, toPlanID)
	if err != nil {
		return err
	}
	if err := s.clash(ctx, keyID, &p, fromPlanID); err != nil {
		return err
	}
	l := Link{PlanID: toPlanID, KeyID: keyID, Subject: old.Subject, Created: now(), Version: 1}
	if err := s.plans.InsertLink(ctx, l); err != nil {
		return fmt.Errorf("usageplan: move key %s to plan %s: %w", keyID, toPlanID, err)
	}
	return s.Unlink(ctx, fromPlanID, keyID)
}

// Links is a page of the links to a plan, newest first, as List is one of plans. Those of
// keys that are no more are left out, so that a page may be short.
func (s *Service) Links(ctx context.Context, planID, cursor string, limit int) ([]Link, string, error) {
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, "", err
	}
	links, next, err := s.plans.PlanLinks(ctx, planID, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("usageplan: links of plan %s: %w", planID, err)
	}
	live := links[:0]
	for _, l := range links {
		switch _, err := s.keys.Key(ctx, l.KeyID); {
		case err == nil:
			live = append(live, l)
		case !errors.Is(err, apikey.ErrNotFound):
			return nil, "", fmt.Errorf("usageplan: links of plan %s: %w", planID, err)
		}
	}
	return live, next, nil
}

// KeyLinks is the links of a key, oldest first.
func (s *Service) KeyLinks(ctx context.Context, keyID string) ([]Link, error) {
	links, err := s.plans.KeyLinks(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("usageplan: links of key %s: %w", keyID, err)
	}
	return links, nil
}

// clash is ErrClash if p and another plan of the key name one API stage. The plan except
// is passed over. Two plans that are for every stage do not clash, as in AWS, where
// stages are often added after the keys: the older link counts.
func (s *Service) clash(ctx context.Context, keyID string, p *Plan, except string) error {
	links, err := s.KeyLinks(ctx, keyID)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.PlanID == p.ID || l.PlanID == except {
			continue
		}
		other, err := s.plans.Plan(ctx, l.PlanID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("usageplan: plan %s: %w", l.PlanID, err)
		}
		if where := overlap(p, &other); where != "" {
			return fmt.Errorf("usageplan: key %s has plan %s for %s: %w", keyID, l.PlanID, where, ErrClash)
		}
	}
	return nil
}

// overlap is the API stage that two plans both name, "" if there is none.
func overlap(a, b *Plan) string {
	for _, s := range a.Stages {
		if slices.Contains(b.Stages, s) {
			return "stage " + s.String()
		}
	}
	return ""
}

// stagesFree is clash for every key of a plan whose stages have become others.
func (s *Service) stagesFree(ctx context.Context, p, old *Plan) error {
	more := slices.ContainsFunc(p.Stages, func(st Stage) bool { return !slices.Contains(old.Stages, st) })
	if !more {
		return nil
	}
	for page, err := range pages.All(func(cursor string) ([]Link, string, error) {
		return s.plans.PlanLinks(ctx, p.ID, cursor, pages.Size)
	}) {
		if err != nil {
			return fmt.Errorf("usageplan: links of plan %s: %w", p.ID, err)
		}
		for _, l := range page {
			if err := s.clash(ctx, l.KeyID, p, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// FindLink returns the link of a key to a plan. It is ErrNotFound where there is none.
func FindLink(ctx context.Context, plans Store, planID, keyID string) (Link, error) {
	links, err := plans.KeyLinks(ctx, keyID)
	if err != nil {
		return Link{}, fmt.Errorf("usageplan: links of key %s: %w", keyID, err)
	}
	for _, l := range links {
		if l.PlanID == planID {
			return l, nil
		}
	}
	return Link{}, fmt.Errorf("usageplan: link of key %s to plan %s: %w", keyID, planID, ErrNotFound)
}
