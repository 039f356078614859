package usageplan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/ration-go/ration/internal/retry"
)

// Put creates the plan with the ID of p, or changes it to p, and returns the stored plan.
// It writes nothing if the stored plan already equals p. A service can call Put for each
// of its plans at every start, from any number of processes.
//
// The links of the plan stay, and its keys keep their use by the rules of Update. Put
// sets Created, Updated and Version, and ignores those of p.
//
// Caution: Put overwrites what others have changed. For a plan that operators edit, call
// Create and ignore ErrExists.
//
// Errors: ErrInvalid, also for an empty ID, which would create another plan at every
// start; ErrClash; and ErrConflict if others were faster 16 times in a row.
func (s *Service) Put(ctx context.Context, p Plan) (put Plan, err error) {
	if p.ID == "" {
		return Plan{}, fmt.Errorf("%w plan: id: empty: want one that stays the same at every start", ErrInvalid)
	}
	err = retry.Do(ctx, func() (raced bool, err error) {
		old, err := s.Get(ctx, p.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			// Another process may create the plan first, and it may want the same of it.
			put, err = s.Create(ctx, p)
			return errors.Is(err, ErrExists), err
		case err != nil:
			return false, err
		case old.equals(p): // an update would grow the Version and notify every Gate
			put = old
			return false, nil
		}
		put, err = s.Update(ctx, p.ID, func(q *Plan) error { *q = p.Clone(); return nil })
		return errors.Is(err, ErrNotFound), err
	})
	if err != nil {
		return Plan{}, err
	}
	return put, nil
}

// equals reports whether p and q are the same plan, apart from the fields that the
// Service sets. It compares their JSON, because a store may return an empty map as nil,
// and a time zone as a different pointer.
func (p Plan) equals(q Plan) bool {
	a, err := p.wanted()
	b, err2 := q.wanted()
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

// wanted returns the JSON of the fields that a caller may set. A collection that is empty
// has the same JSON as one that is nil.
func (p Plan) wanted() ([]byte, error) {
	p.Created = time.Time{}
	p.Updated = time.Time{}
	p.Version = 0
	if len(p.Throttles) == 0 {
		p.Throttles = nil
	}
	if len(p.Quotas) == 0 {
		p.Quotas = nil
	}
	p.For = withoutEmpty(p.For)
	if len(p.Routes) == 0 {
		p.Routes = nil
	}
	if len(p.StageRoutes) == 0 {
		p.StageRoutes = nil
	}
	if len(p.Stages) == 0 {
		p.Stages = nil
	}
	if len(p.Tags) == 0 {
		p.Tags = nil
	}
	return json.Marshal(p)
}

// withoutEmpty returns limits of classes and routes with nil for collections that are
// empty.
func withoutEmpty(all map[string]Limits) map[string]Limits {
	if len(all) == 0 {
		return nil
	}
	all = maps.Clone(all)
	for key, l := range all {
		if len(l.Throttles) == 0 {
			l.Throttles = nil
		}
		if len(l.Quotas) == 0 {
			l.Quotas = nil
		}
		all[key] = l
	}
	return all
}
