package usageplan

import (
	"context"
	"fmt"
	"iter"

	"github.com/ration-go/ration/internal/pages"
)

// Get returns the group with an ID, or ErrNotFound.
func (s *Groups) Get(ctx context.Context, id string) (Group, error) {
	g, err := s.groups.Group(ctx, id)
	if err != nil {
		return Group{}, fmt.Errorf("usageplan: group %s: %w", id, err)
	}
	return g, nil
}

// List returns a page of the groups that f selects, newest first, and the cursor of the
// next page. The cursor and the limit are those of Service.List. A page before the last
// may have fewer groups than the limit, or none: see GroupStore.Groups.
//
// Errors: ErrInvalid for any other limit, and for a cursor that is not from List.
func (s *Groups) List(ctx context.Context, f GroupFilter, cursor string, limit int) (groups []Group, next string, err error) {
	limit, err = pageLimit(limit)
	if err != nil {
		return nil, "", err
	}
	groups, next, err = s.groups.Groups(ctx, f, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("usageplan: list groups: %w", err)
	}
	return groups, next, nil
}

// All yields every group that f selects, newest first. It reads the next page when the
// loop gets there. An error ends the loop, and comes with the zero Group.
func (s *Groups) All(ctx context.Context, f GroupFilter) iter.Seq2[Group, error] {
	return allGroups(ctx, s.groups, f)
}

// allGroups yields every group that f selects, as Groups.All does.
func allGroups(ctx context.Context, groups GroupStore, f GroupFilter) iter.Seq2[Group, error] {
	return func(yield func(Group, error) bool) {
		for page, err := range pages.All(func(cursor string) ([]Group, string, error) {
			return groups.Groups(ctx, f, cursor, pages.Size)
		}) {
			if err != nil {
				yield(Group{}, fmt.Errorf("usageplan: list groups: %w", err))
				return
			}
			for _, g := range page {
				if !yield(g, nil) {
					return
				}
			}
		}
	}
}

// firstGroup returns the ID of a group that f selects, or "" if there is none.
func firstGroup(ctx context.Context, groups GroupStore, f GroupFilter) (string, error) {
	for g, err := range allGroups(ctx, groups, f) {
		return g.ID, err
	}
	return "", nil
}

// Check returns nil if the group with an ID and all groups above it exist. Give it to an
// apikey.Service as Config.CheckGroup, so that no key is created in a group that does not
// exist.
//
// Errors: ErrNotFound, and ErrInvalid if there are more than MaxGroups groups up to the
// root.
func (s *Groups) Check(ctx context.Context, id string) error {
	_, err := Lineage(ctx, s.groups, id)
	return err
}
