package storetest

import (
	"context"
	"slices"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// filtersGroups lists the keys of a group in a way of its own.
type filtersGroups struct {
	base
	any   bool                  // those of all groups
	alone bool                  // without regard to the customer
	fold  bool                  // without regard to case
	first *memo[string, string] // those that were inserted in the group
}

func (s filtersGroups) InsertKey(ctx context.Context, k apikey.Key) error {
	err := s.base.InsertKey(ctx, k)
	if err == nil && s.first != nil {
		s.first.set(k.ID, k.GroupID)
	}
	return err
}

func (s filtersGroups) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	group := f.GroupID
	f.GroupID = ""
	if s.alone && group != "" {
		f.CustomerID = ""
	}
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	return slices.DeleteFunc(keys, func(k apikey.Key) bool { return group != "" && !s.in(k, group) }), next, err
}

// in reports whether the store takes k for a key of a group.
func (s filtersGroups) in(k apikey.Key, group string) bool {
	switch {
	case s.any:
		return true
	case s.fold:
		return strings.EqualFold(k.GroupID, group)
	case s.first != nil:
		return s.first.of(k.ID) == group
	default:
		return k.GroupID == group
	}
}
