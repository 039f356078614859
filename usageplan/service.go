package usageplan

import (
	"cmp"
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
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/internal/retry"
)

// A Service manages plans and links. It validates them, generates IDs, and refuses
// changes that would give a key two plans for one API stage. Call NewService to make one.
//
// A Service keeps no state and is safe for concurrent use. If several callers change a
// plan at the same time, no change is lost.
//
// Config.History is told of changes that were made. An update without a difference is not
// recorded, nor is a change after which the Store failed. The entries of two changes of
// one plan or link may come in either order, and their versions tell which was first.
type Service struct {
	keys    apikey.Store
	plans   Store
	units   Units
	classes Classes
	history recorder

	checkRoute RouteChecker
}

// Config configures a Service and Groups. The zero Config is ready for use.
type Config struct {
	// Units declares what plans may limit beside requests. Give gate.Config the same Units.
	// The default is none: then plans limit requests only.
	Units Units

	// Classes declares the classes that the service names in gate.Request.Class. Plan.For
	// may name no others. If nil, it may name any class. If empty but not nil, it may name
	// none.
	Classes Classes

	// History is told of each change of a plan, a link or a group, after it was made. If
	// nil, nothing is recorded.
	History history.Recorder `json:"-"`

	// CheckRoute finds the routes that plans name and that the service does not have, for
	// Audit and RouteFaults. ration.New sets it to the CheckRoute of its Middleware. If nil,
	// routes are not checked.
	CheckRoute RouteChecker `json:"-"`
}

// NewService returns a Service on a store of keys and a store of plans. One type, such as
// store/memory, may be both. The error reports every fault at once and wraps ErrInvalid.
func NewService(keys apikey.Store, plans Store, cfg Config) (*Service, error) {
	err := fault.Report(ErrInvalid, "service", nilcheck.Required("keys", keys, "an apikey.Store"),
		nilcheck.Required("plans", plans, "a usageplan.Store"), fault.In("", cfg.validate()))
	if err != nil {
		return nil, err
	}
	return &Service{
		keys: keys, plans: plans, units: slices.Clone(cfg.Units), classes: slices.Clone(cfg.Classes), history: recorder{cfg.History},
		checkRoute: cfg.CheckRoute,
	}, nil
}

// The bounds of a page of List and Links, as in AWS.
const (
	defaultPage = 25
	maxPage     = 500
)

// Create creates a plan and returns it. An empty ID is replaced by ten random lower-case
// letters and digits. Create sets Created, Updated and Version, and ignores those of p.
//
// A service that creates its plans at every start gives them IDs and ignores ErrExists.
// The plan is then as it was created, or as it was changed since. See also Put.
//
// Caution: the ID of a deleted plan is free again. A key that is linked to a new plan
// with the ID finds what it has used under the old one. Use the ID again only after
// Delete has returned, because Delete removes all links of that ID.
//
// Errors: ErrInvalid with every fault, and ErrExists for an ID that is taken.
func (s *Service) Create(ctx context.Context, p Plan) (Plan, error) {
	p.Created = now()
	p.Updated = p.Created
	p.Version = 1
	if p.ID == "" {
		p.ID = newID()
	}
	if err := invalid("plan", append(p.faults(), s.undeclared(&p)...)); err != nil {
		return Plan{}, err
	}
	if err := s.plans.InsertPlan(ctx, p); err != nil {
		return Plan{}, fmt.Errorf("usageplan: create plan %s: %w", p.ID, err)
	}
	s.history.plan(ctx, history.Create, nil, &p)
	return p, nil
}

// Get returns the plan with an ID, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id string) (Plan, error) {
	p, err := s.plans.Plan(ctx, id)
	if err != nil {
		return Plan{}, fmt.Errorf("usageplan: plan %s: %w", id, err)
	}
	return p, nil
}

// List returns a page of plans, newest first, and the cursor of the next page. The empty
// cursor begins the list. An empty next marks the last page. The limit is 1 to 500 plans,
// and a limit of 0 means 25.
//
// Errors: ErrInvalid for any other limit, and for a cursor that is not from List.
func (s *Service) List(ctx context.Context, cursor string, limit int) (plans []Plan, next string, err error) {
	limit, err = pageLimit(limit)
	if err != nil {
		return nil, "", err
	}
	plans, next, err = s.plans.Plans(ctx, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("usageplan: list: %w", err)
	}
	return plans, next, nil
}

// All yields every plan, newest first. It reads the next page when the loop gets there.
// An error ends the loop, and comes with the zero Plan.
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

// Update changes a plan under traffic, and returns the new plan. The new limits count at
// once, and what was used still counts. Update restores the ID, Created, Updated and
// Version, whatever change does to them.
//
// If others change the plan at the same time, Update calls change again with the new
// state, after a short pause that ends with ctx. So change must do no more than set
// fields. If change returns an error, Update changes nothing and returns that error.
//
// Errors: those of change; ErrInvalid, also if the limits of the plan no longer fit
// beside the overrides of one of its links or groups; ErrNotFound; ErrClash if the plan
// gets a stage that another plan of one of its keys names; and ErrConflict if others were
// faster 16 times in a row.
//
// # Tokens and use
//
// A bucket keeps its tokens. If the plan is raised, there are few at first, and the new
// rate fills the bucket up to the new burst. If the plan is lowered, the tokens are cut
// to the new burst.
//
// A quota keeps its use if only its limit changes. A quota with another name starts an
// empty window. So does a quota with another period, start day or zone, unless the new
// window begins at the same instant as the old one. Then everything that was used since
// that instant counts, and so does an extension of the window.
//
// Caution: an empty window grants the allowance once more. A quota of 1 a month whose
// start day is changed four times in a month admits 5 requests. To correct what is left
// for a key, call Gate.SetRemaining after the change.
func (s *Service) Update(ctx context.Context, id string, change func(*Plan) error) (p Plan, err error) {
	var old Plan
	err = retry.Do(ctx, func() (raced bool, err error) {
		if old, err = s.Get(ctx, id); err != nil {
			return false, err
		}
		p = old.Clone()
		if err := change(&p); err != nil {
			return false, err
		}
		p.ID = old.ID
		p.Created = old.Created
		p.Updated = now()
		p.Version = old.Version
		if err := invalid("plan", append(p.faults(), s.undeclared(&p)...)); err != nil {
			return false, err
		}
		if err := s.stagesFree(ctx, &p, &old); err != nil {
			return false, err
		}
		if err := s.checkEveryOverride(ctx, &p, &old); err != nil {
			return false, err
		}
		return written("update plan "+id, s.plans.UpdatePlan(ctx, p))
	})
	if err != nil {
		return Plan{}, err
	}
	p.Version++
	s.history.plan(ctx, history.Update, &old, &p)
	return p, nil
}

// written returns the result of a write for retry.Do: whether another change was faster,
// and the error.
func written(what string, err error) (raced bool, _ error) {
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, ErrConflict):
		return true, fmt.Errorf("usageplan: %s: %w", what, ErrConflict)
	}
	return false, fmt.Errorf("usageplan: %s: %w", what, err)
}

// now returns the time for Created and Updated. It is in UTC, in whole microseconds and
// without a monotonic reading. JSON and every store can keep such a time.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newID returns ten random letters and digits, which hold 50 bits. If a plan has the ID
// already, the store returns ErrExists.
func newID() string { return strings.ToLower(rand.Text())[:10] }

// pageLimit returns the limit of a page, or the default for 0.
func pageLimit(limit int) (int, error) {
	if limit < 0 || limit > maxPage {
		return 0, fmt.Errorf("%w limit: %d: want 0 to %d", ErrInvalid, limit, maxPage)
	}
	return cmp.Or(limit, defaultPage), nil
}

// undeclared returns the faults of a plan that names units or classes that are not
// declared.
func (s *Service) undeclared(p *Plan) (errs []error) {
	errs = s.units.faults(p.Throttles, p.Quotas)
	for _, key := range slices.Sorted(maps.Keys(p.For)) {
		if CheckClass(key) == nil {
			errs = append(errs, fault.In(forPath(key), s.classes.Check(key)))
		}
		for _, err := range s.units.faults(p.For[key].Throttles, p.For[key].Quotas) {
			errs = append(errs, fault.In(forPath(key), fault.Report(ErrInvalid, "", err)))
		}
	}
	return errs
}

// validate reports every fault of cfg at once. The error wraps ErrInvalid.
func (cfg *Config) validate() error {
	return fault.Report(ErrInvalid, "config", fault.In("units", cfg.Units.Validate()), fault.In("classes", cfg.Classes.Validate()),
		nilcheck.Optional("history", cfg.History, "a history.Recorder, or none"))
}
