package usageplan

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/retry"
)

// Link ties a key to a plan, without overrides. It is a short form of AddLink.
func (s *Service) Link(ctx context.Context, planID, keyID string) error {
	_, err := s.AddLink(ctx, Link{PlanID: planID, KeyID: keyID})
	return err
}

// AddLink adds a link with the overrides of l, and returns it as it was stored. AddLink
// sets Allowance, Created and Version, and ignores those of l.
//
// A key has one plan for each API stage, and one for every stage that no plan of the key
// names. To give a key another plan use Move.
//
// Errors: ErrInvalid, also if the overrides do not fit beside the other limits of the
// plan; apikey.ErrNotFound if there is no such key; ErrNotFound if there is no such plan;
// ErrExists if the two are linked; and ErrClash if another plan of the key is for a stage
// of the plan, or if both are for every stage.
func (s *Service) AddLink(ctx context.Context, l Link) (Link, error) {
	return s.addLink(ctx, l, false)
}

// AddSpareLink does what AddLink does, and accepts a second plan for every stage, as
// Amazon API Gateway does: stages are often added to a plan after its keys. The plan with
// the oldest link counts, until a plan of the key names the stage or that link goes.
// Audit finds keys with such links.
func (s *Service) AddSpareLink(ctx context.Context, l Link) (Link, error) {
	return s.addLink(ctx, l, true)
}

// addLink is AddSpareLink if spare is true, and AddLink otherwise.
func (s *Service) addLink(ctx context.Context, l Link, spare bool) (Link, error) {
	links, err := s.KeyLinks(ctx, l.KeyID)
	if err != nil {
		return Link{}, err
	}
	l.Allowance = unusedAllowance(l.PlanID, links)
	l.Created = now()
	l.Version = 1
	if err := invalid("link", append(l.faults(), s.units.faults(l.Throttles, l.Quotas)...)); err != nil {
		return Link{}, err
	}
	if _, err := s.keys.Key(ctx, l.KeyID); err != nil {
		return Link{}, fmt.Errorf("usageplan: link key %s: %w", l.KeyID, err)
	}
	p, err := s.Get(ctx, l.PlanID)
	if err != nil {
		return Link{}, err
	}
	if err := invalid("link", p.overrideFaults(l.Throttles, l.Quotas)); err != nil {
		return Link{}, err
	}
	if err := s.clash(ctx, l.KeyID, &p, "", spare); err != nil {
		return Link{}, err
	}
	if err := s.plans.InsertLink(ctx, l); err != nil {
		return Link{}, fmt.Errorf("usageplan: link key %s to plan %s: %w", l.KeyID, l.PlanID, err)
	}
	s.history.link(ctx, history.Link, nil, &l)
	return l, nil
}

// Unlink removes the link of a key to a plan, or returns ErrNotFound. If the two are
// linked again, the key's use still counts, because the Allowance is the same. It does
// not if the key has moved to another family of groups meanwhile: see Groups.MoveKey.
func (s *Service) Unlink(ctx context.Context, planID, keyID string) error {
	before, err := s.linkBefore(ctx, planID, keyID)
	if err != nil {
		return err
	}
	if err := s.unlink(ctx, planID, keyID); err != nil {
		return err
	}
	s.history.link(ctx, history.Unlink, &before, nil)
	return nil
}

// unlink does what Unlink does, and records nothing.
func (s *Service) unlink(ctx context.Context, planID, keyID string) error {
	if err := s.plans.DeleteLink(ctx, planID, keyID); err != nil {
		return fmt.Errorf("usageplan: unlink key %s from plan %s: %w", keyID, planID, err)
	}
	return nil
}

// removeLinks removes links, and calls removed for each. It is no error if some are gone
// already.
func (s *Service) removeLinks(ctx context.Context, links []Link, removed func(*Link)) error {
	for i := range links {
		err := s.plans.DeleteLink(ctx, links[i].PlanID, links[i].KeyID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		removed(&links[i])
	}
	return nil
}

// UpdateLink changes the overrides of a link under traffic, and returns the new link.
// change may set Throttle, Throttles, Quotas and Alerts. UpdateLink restores any other
// field. Tokens and use are kept by the rules of Update.
//
// If others change the link at the same time, UpdateLink calls change again with the new
// state. If change returns an error, UpdateLink changes nothing and returns that error.
//
// Errors: those of change, ErrInvalid, ErrNotFound, and ErrConflict if others were faster
// 16 times in a row.
func (s *Service) UpdateLink(ctx context.Context, planID, keyID string, change func(*Link) error) (l Link, err error) {
	var old Link
	err = retry.Do(ctx, func() (raced bool, err error) {
		if old, err = FindLink(ctx, s.plans, planID, keyID); err != nil {
			return false, err
		}
		l = old.Clone()
		if err := change(&l); err != nil {
			return false, err
		}
		changed := l
		l = old
		l.Throttle = changed.Throttle
		l.Throttles = changed.Throttles
		l.Quotas = changed.Quotas
		l.Alerts = changed.Alerts
		if err := invalid("link", append(l.faults(), s.units.faults(l.Throttles, l.Quotas)...)); err != nil {
			return false, err
		}
		if err := s.checkOverrides(ctx, &l); err != nil {
			return false, err
		}
		return written("update link of key "+keyID, s.plans.UpdateLink(ctx, l))
	})
	if err != nil {
		return Link{}, err
	}
	l.Version++
	s.history.link(ctx, history.Update, &old, &l)
	return l, nil
}

// checkOverrides returns an error if the overrides of l do not fit beside the limits of
// its plan. A plan that does not exist has no limits.
func (s *Service) checkOverrides(ctx context.Context, l *Link) error {
	if l.Throttles == nil && l.Quotas == nil {
		return nil
	}
	p, err := s.Get(ctx, l.PlanID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return invalid("link", p.overrideFaults(l.Throttles, l.Quotas))
}

// Move links a key to another plan, and then removes its link to the first. The new link
// keeps the Allowance, so the key keeps what it has used. It does not keep the overrides.
// Between the two steps the key has both links, and the older one counts.
//
// Errors: ErrNotFound if there is no such link or no such plan, ErrExists if the key is
// linked to the other plan, and ErrClash as in AddLink.
func (s *Service) Move(ctx context.Context, keyID, fromPlanID, toPlanID string) error {
	old, err := FindLink(ctx, s.plans, fromPlanID, keyID)
	if err != nil {
		return err
	}
	p, err := s.Get(ctx, toPlanID)
	if err != nil {
		return err
	}
	if err := s.clash(ctx, keyID, &p, fromPlanID, false); err != nil {
		return err
	}

	// The new link comes first. The other order would leave the key without a plan for a
	// moment, or for good if the second step failed.
	l := Link{PlanID: toPlanID, KeyID: keyID, Allowance: old.Allowance, Created: now(), Version: 1}
	if err := s.plans.InsertLink(ctx, l); err != nil {
		return fmt.Errorf("usageplan: move key %s to plan %s: %w", keyID, toPlanID, err)
	}
	if err := s.unlink(ctx, fromPlanID, keyID); err != nil {
		s.history.link(ctx, history.Link, nil, &l) // that much was changed
		return err
	}
	s.history.link(ctx, history.Move, &old, &l)
	return nil
}

// Links returns a page of the links to a plan, newest first, and the cursor of the next
// page. The cursor and the limit are those of List. Links of keys that do not exist are
// left out, so a page may have fewer links than the limit and still have a next cursor.
func (s *Service) Links(ctx context.Context, planID, cursor string, limit int) ([]Link, string, error) {
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, "", err
	}
	links, next, err := s.plans.PlanLinks(ctx, planID, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("usageplan: links of plan %s: %w", planID, err)
	}

	// The keys may be in another store, which does not remove the links of a key that is
	// deleted.
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

// KeyLinks returns all links of a key, oldest first. A key without links, or one that
// does not exist, has none, which is no error.
func (s *Service) KeyLinks(ctx context.Context, keyID string) ([]Link, error) {
	links, err := s.plans.KeyLinks(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("usageplan: links of key %s: %w", keyID, err)
	}
	return links, nil
}

// FindLink returns the link of a key to a plan. The error wraps ErrNotFound if the two
// are not linked.
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
