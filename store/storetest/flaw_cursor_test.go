package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

type (
	// oneCursor has a cursor of its own for all callers.
	oneCursor struct {
		base
		at *string
	}
	// wraps asks for one record more than the limit.
	wraps struct{ base }
	// endless takes an empty rest for a wrong cursor.
	endless struct{ base }
)

func (s oneCursor) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	if _, _, err := s.base.Keys(ctx, f, cursor, limit); err != nil || cursor == "" {
		*s.at = ""
	}
	if cursor != "" && *s.at != "" {
		cursor = *s.at
	}
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	*s.at = next
	return keys, next, err
}

var errLimit = errors.New("limit: negative")

func (s wraps) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	if limit+1 < 0 {
		return nil, "", errLimit
	}
	return s.base.Keys(ctx, f, cursor, limit)
}

func (s wraps) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	if limit+1 < 0 {
		return nil, "", errLimit
	}
	return s.base.Plans(ctx, cursor, limit)
}

func (s wraps) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	if int32(limit)+1 < 0 {
		return nil, "", errLimit
	}
	return s.base.PlanLinks(ctx, id, cursor, limit)
}

func (s endless) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	plans, next, err := s.base.Plans(ctx, cursor, limit)
	if err == nil && len(plans) == 0 && cursor != "" {
		err = usageplan.ErrInvalid
	}
	return plans, next, err
}

// sortedLinks lists the links of a key in an order of its own.
type sortedLinks struct {
	base
	compare func(a, b usageplan.Link) int
}

func (s sortedLinks) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	slices.SortStableFunc(links, s.compare)
	return links, err
}

func (s sortedLinks) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	slices.SortStableFunc(a.Links, s.compare)
	return a, err
}

func (s sortedLinks) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	slices.SortStableFunc(a.Links, s.compare)
	return a, err
}
