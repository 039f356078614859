package usageplan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ration-go/ration/internal/retry"
)

// Put makes the plan with the ID of p what p says, and returns it as it is kept. It
// creates the plan or changes it; a plan that is so already is not written. A service can
// call it for each of its plans at every start, from any number of processes. Usage
// stays, as with Update, and so do links. Put keeps nothing that was changed by other
// means: a plan that operators edit is better made with Create.
//
// An empty ID is an error, since it would make another plan at every start. Put sets
// Created, Updated and Version, and ignores what p has there. Its errors are those of
// Create and Update: ErrInvalid, ErrClash, and ErrConflict if others were faster 16 times
// in a row.
func (s *Service) Put(ctx context.Context, p Plan) (put Plan, err error) {
	if p.ID == "" {
		return Plan{}, fmt.Errorf("%w plan: id: empty: want one that stays the same at every start", ErrInvalid)
	}
	err = retry.Do(ctx, func() (raced bool, err error) {
		old, err := s.Get(ctx, p.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			put, err = s.Create(ctx, p)
			return errors.Is(err, ErrExists), err
		case err != nil:
			return false, err
		case old.means(p):
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

// means reports whether p and q say the same. What the store sets is left aside. Their
// JSON is compared, since a store may return an empty map as nil and a zone as another
// pointer.
func (p Plan) means(q Plan) bool {
	a, err := p.wanted()
	b, err2 := q.wanted()
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

// wanted returns the JSON of what a caller wants of a plan.
func (p Plan) wanted() ([]byte, error) {
	p.Created, p.Updated, p.Version = Plan{}.Created, Plan{}.Updated, 0
	if len(p.Quotas) == 0 {
		p.Quotas = nil
	}
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
