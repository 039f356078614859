package usageplan

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/internal/retry"
)

// Service manages plans and links: it validates, gives ids, and refuses what would make
// two plans count for one key. Make one with NewService. Safe for concurrent use; two
// that change one plan at once lose nothing.
type Service struct {
	keys  apikey.Store
	plans Store
}

// NewService returns a Service on a store of keys and a store of plans. One type, such as
// store/memory, may be both. The error reports every fault at once and wraps ErrInvalid.
func NewService(keys apikey.Store, plans Store) (*Service, error) {
	err := fault.Report(ErrInvalid, "service", nilcheck.Required("keys", keys, "an apikey.Store"),
		nilcheck.Required("plans", plans, "a usageplan.Store"))
	if err != nil {
		return nil, err
	}
	return &Service{keys: keys, plans: plans}, nil
}

// Page bounds of List and Links, as AWS has them.
const (
	defaultPage = 25
	maxPage     = 500
)

// Create keeps a new plan and returns it. An empty ID is replaced by ten random
// lower-case letters and digits; Created, Updated and Version it gives itself, and what p
// has there is ignored. So a service that makes its plans at each start gives them IDs,
// and goes on where the error is ErrExists: the plan is there, as it was made or has been
// changed since.
//
// An ID that a deleted plan had is free again, and the new plan's keys find what was
// counted under it. Give it once Delete has returned: links that come before are removed
// with the old ones.
//
// Errors: ErrInvalid, which tells every fault, and ErrExists for an ID that is taken.
func (s *Service) Create(ctx context.Context, p Plan) (Plan, error) {
	p.Created = now()
	p.Updated, p.Version = p.Created, 1
	if p.ID == "" {
		p.ID = newID()
	}
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	if err := s.plans.InsertPlan(ctx, p); err != nil {
		return Plan{}, fmt.Errorf("usageplan: create plan %s: %w", p.ID, err)
	}
	return p, nil
}

// Get is a plan by its id, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id string) (Plan, error) {
	p, err := s.plans.Plan(ctx, id)
	if err != nil {
		return Plan{}, fmt.Errorf("usageplan: plan %s: %w", id, err)
	}
	return p, nil
}

// List is a page of plans, newest first: at most limit (zero: 25; at most 500), and the
// next page's cursor, "" at the end.
func (s *Service) List(ctx context.Context, cursor string, limit int) ([]Plan, string, error) {
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, "", err
	}
	plans, next, err := s.plans.Plans(ctx, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("usageplan: list: %w", err)
	}
	return plans, next, nil
}

// All is every plan, newest first. It ends with the first error.
func (s *Service) All(ctx context.Context) iter.Seq2[Plan, error] {
	return func(yield func(Plan, error) bool) {
		for page, err := range pages.All(func(cursor string) ([]Plan, string, error) { return s.plans.Plans(ctx, cursor, pages.Size) }) {
			if err != nil {
				yield(Plan{}, fmt.Errorf("usageplan: list: %w", err))
				return
			}
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// Update changes a plan under traffic: usage stays, limits move at once. change may run
// more than once, when others change the plan meanwhile; what it does to ID, Created,
// Updated and Version is undone. A stage that another plan of one of its keys names is
// ErrClash. If change returns an error nothing is changed, and Update returns that. If
// others were faster 16 times in a row it is ErrConflict; between the tries are short
// pauses, which end with ctx.
//
// A bucket keeps the tokens that it has. After a plan is raised they are few at first,
// and the new rate fills the bucket up to the new burst; after a plan is lowered they are
// at most the new burst.
//
// A quota keeps what was used of its window when its limit changes. A quota under another
// name starts an empty window. So does a quota with another period, start day or zone,
// unless its new window begins at the very instant at which the old one began: then what
// was used since that instant counts, with what the window was extended by.
//
// An empty window gives the allowance once more. A quota of 1 a month whose start day is
// changed four times in a month admits 5. Gate.SetRemaining, after the change, sets what
// is left for a key.
func (s *Service) Update(ctx context.Context, id string, change func(*Plan) error) (p Plan, err error) {
	err = retry.Do(ctx, func() (raced bool, err error) {
		old, err := s.Get(ctx, id)
		if err != nil {
			return false, err
		}
		p = old.Clone()
		if err := change(&p); err != nil {
			return false, err
		}
		p.ID, p.Created, p.Updated, p.Version = old.ID, old.Created, now(), old.Version
		if err := p.Validate(); err != nil {
			return false, err
		}
		if err := s.stagesFree(ctx, &p, &old); err != nil {
			return false, err
		}
		return written("update plan "+id, s.plans.UpdatePlan(ctx, p))
	})
	if err != nil {
		return Plan{}, err
	}
	p.Version++
	return p, nil
}

// written is the end of one try of a change: whether somebody else was faster, and the
// error.
func written(what string, err error) (raced bool, _ error) {
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, ErrConflict):
		return true, fmt.Errorf("usageplan: %s: %w", what, ErrConflict)
	}
	return false, fmt.Errorf("usageplan: %s: %w", what, err)
}

// Delete removes a plan, and then its links: from its return its keys have no plan,
// unless another. What was counted stays until it is old.
func (s *Service) Delete(ctx context.Context, id string) error {
	if err := s.plans.DeletePlan(ctx, id, 0); err != nil {
		return fmt.Errorf("usageplan: delete plan %s: %w", id, err)
	}
	return s.unlinkAll(ctx, id)
}

// DeleteIf is Delete of a plan that is as the caller wants it: may gets the plan that is
// to be removed, again if others change it meanwhile. If it returns an error nothing is
// removed, and DeleteIf returns that.
func (s *Service) DeleteIf(ctx context.Context, id string, may func(*Plan) error) error {
	err := retry.Do(ctx, func() (raced bool, err error) {
		p, err := s.Get(ctx, id)
		if err != nil {
			return false, err
		}
		if err := may(&p); err != nil {
			return false, err
		}
		return written("delete plan "+id, s.plans.DeletePlan(ctx, id, p.Version))
	})
	if err != nil {
		return err
	}
	return s.unlinkAll(ctx, id)
}

// unlinkAll removes the links of a plan that is no more.
func (s *Service) unlinkAll(ctx context.Context, id string) error {
	for links, err := range pages.All(func(cursor string) ([]Link, string, error) {
		return s.plans.PlanLinks(ctx, id, cursor, pages.Size)
	}) {
		if err == nil {
			err = s.removeLinks(ctx, links)
		}
		if err != nil {
			return fmt.Errorf("usageplan: delete links of plan %s: %w", id, err)
		}
	}
	return nil
}

// now is the time that records carry: no finer than any store keeps, and without what
// JSON drops.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newID is ten letters and digits, 50 bits at random; a store that has it already says
// ErrExists.
func newID() string { return strings.ToLower(rand.Text())[:10] }

func pageLimit(limit int) (int, error) {
	if limit < 0 || limit > maxPage {
		return 0, fmt.Errorf("%w limit: %d: want 0 to %d", ErrInvalid, limit, maxPage)
	}
	return cmp.Or(limit, defaultPage), nil
}
