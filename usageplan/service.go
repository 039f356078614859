package usageplan

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
)

// ServiceConfig of a Service. The zero ServiceConfig is ready for use.
type ServiceConfig struct{}

// Service manages plans and links: it validates, gives ids, and refuses what would make two plans count for one key. Make
// one with NewService. Safe for concurrent use; two that change one plan at once lose nothing.
type Service struct {
	plans Store
	keys  apikey.Store
}

// NewService makes a Service over the stores of plans and of keys, which may be one.
func NewService(plans Store, keys apikey.Store, _ ServiceConfig) *Service {
	return &Service{plans: plans, keys: keys}
}

// Page bounds of List and Links, as AWS has them.
const (
	defaultPage = 25
	maxPage     = 500
)

// Create keeps a new plan and returns it with its ID, Created, Updated and Version, which it gives; what p has there is
// ignored. The error wraps ErrInvalid and tells every fault.
func (s *Service) Create(ctx context.Context, p Plan) (Plan, error) {
	p.Created = now()
	p.Updated, p.Version = p.Created, 1
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	p.ID = newID()
	if err := s.plans.InsertPlan(ctx, p); err != nil {
		return Plan{}, fmt.Errorf("usageplan: create: %w", err)
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

// List is a page of plans, newest first: at most limit (zero: 25; at most 500), and the next page's cursor, "" at the end.
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
		for page, err := range pages(func(cursor string) ([]Plan, string, error) { return s.plans.Plans(ctx, cursor, pageSize) }) {
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

// Update changes a plan under traffic: usage stays, limits move at once. change may run more than once, when others
// change the plan meanwhile; what it does to ID, Created, Updated and Version is undone. A quota under another name or
// period starts a new, empty window. A stage that another plan of one of its keys names is ErrConflict.
func (s *Service) Update(ctx context.Context, id string, change func(*Plan)) (Plan, error) {
	for range maxTries {
		old, err := s.Get(ctx, id)
		if err != nil {
			return Plan{}, err
		}
		p := clone(old)
		change(&p)
		p.ID, p.Created, p.Updated, p.Version = old.ID, old.Created, now(), old.Version
		if err := p.Validate(); err != nil {
			return Plan{}, err
		}
		if err := s.stagesFree(ctx, &p, &old); err != nil {
			return Plan{}, err
		}
		switch err := s.plans.UpdatePlan(ctx, p); {
		case err == nil:
			p.Version++
			return p, nil
		case !errors.Is(err, ErrConflict):
			return Plan{}, fmt.Errorf("usageplan: update: %w", err)
		}
	}
	return Plan{}, fmt.Errorf("usageplan: update plan %s: %d times: %w", id, maxTries, ErrConflict)
}

// maxTries is how often an update that others were faster than is tried.
const maxTries = 16

// clone is a plan that shares nothing that change could write to.
func clone(p Plan) Plan {
	p.Quotas, p.Stages = slices.Clone(p.Quotas), slices.Clone(p.Stages)
	p.Throttle, p.Routes = copied(p.Throttle), maps.Clone(p.Routes)
	return p
}

// Delete removes a plan, and then its links: from its return its keys have no plan, unless another. What was counted stays
// until it is old.
func (s *Service) Delete(ctx context.Context, id string) error {
	if err := s.plans.DeletePlan(ctx, id); err != nil {
		return fmt.Errorf("usageplan: delete plan %s: %w", id, err)
	}
	for links, err := range pages(func(cursor string) ([]Link, string, error) {
		return s.plans.PlanLinks(ctx, id, cursor, pageSize)
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

// now is the time that records carry: no finer than any store keeps, and without what JSON drops.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newID is ten letters and digits, 50 bits at random; a store that has it already says ErrExists.
func newID() string { return strings.ToLower(rand.Text())[:10] }

func pageLimit(limit int) (int, error) {
	if limit < 0 || limit > maxPage {
		return 0, fmt.Errorf("%w limit: %d: want 0 to %d", ErrInvalid, limit, maxPage)
	}
	return orElse(limit, defaultPage), nil
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}
