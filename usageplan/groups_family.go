package usageplan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/internal/pages"
)

// checkPlace returns ErrInvalid if the ParentID of g puts it below itself, in another
// family than that of root, or where more than MaxGroups groups would be from the lowest
// group below it up to the root. An empty root stands for any family. If a group above g
// does not exist, checkPlace returns ErrNotFound.
func (s *Groups) checkPlace(ctx context.Context, g *Group, root string) error {
	above, err := Lineage(ctx, s.groups, g.ParentID)
	if err != nil {
		return err
	}
	if len(above) == 0 { // a root, whose place never changes
		return nil
	}
	if slices.ContainsFunc(above, func(a Group) bool { return a.ID == g.ID }) {
		return fmt.Errorf("%w group %s: parentId: %q: is below the group itself", ErrInvalid, g.ID, g.ParentID)
	}
	if top := above[len(above)-1].ID; root != "" && top != root {
		return fmt.Errorf("%w group %s: parentId: %q: is in the family of %s: want a group in the family of %s, which the group cannot leave",
			ErrInvalid, g.ID, g.ParentID, top, root)
	}

	most := MaxGroups - 1 - len(above) // levels below g
	if most < 0 {
		return fmt.Errorf("%w group %s: parentId: %q: has %d groups up to the root: want at most %d", ErrInvalid, g.ID, g.ParentID, len(above), MaxGroups-1)
	}
	deep, err := s.below(ctx, g.ID, most+1, g.ID)
	if err != nil {
		return err
	}
	if deep != "" {
		return fmt.Errorf("%w group %s: parentId: %q: group %s would have more than %d groups up to the root", ErrInvalid, g.ID, g.ParentID, deep, MaxGroups)
	}
	return nil
}

// below returns the ID of a group that is the given number of levels below another, or ""
// if there is none. It leaves out the group with the ID moving, which is below itself
// until a cycle is mended.
func (s *Groups) below(ctx context.Context, id string, levels int, moving string) (string, error) {
	for page, err := range pages.All(func(cursor string) ([]Group, string, error) {
		return s.groups.Groups(ctx, GroupFilter{ParentID: id}, cursor, pages.Size)
	}) {
		if err != nil {
			return "", fmt.Errorf("usageplan: groups below group %s: %w", id, err)
		}
		for _, g := range page {
			if g.ID == moving {
				continue
			}
			if levels == 1 {
				return g.ID, nil
			}
			if deep, err := s.below(ctx, g.ID, levels-1, moving); deep != "" || err != nil {
				return deep, err
			}
		}
	}
	return "", nil
}

// rootOf returns the ID of the root of a group's family. Unlike Lineage it follows any
// number of groups, so that a family that has become too deep can be mended. The error
// wraps ErrNotFound if a group on the way does not exist, and ErrInvalid if the groups
// form a cycle. Then the family is unknown.
func (s *Groups) rootOf(ctx context.Context, id string) (string, error) {
	seen := map[string]bool{}
	for !seen[id] {
		g, err := s.Get(ctx, id)
		if err != nil {
			return "", err
		}
		if g.ParentID == "" {
			return id, nil
		}
		seen[id] = true
		id = g.ParentID
	}
	return "", fmt.Errorf("%w group %s: is above itself", ErrInvalid, id)
}

// checkWritten checks the place of g again after g was written, because two concurrent
// changes may each be valid and break the family together. If they have, checkWritten
// calls undo and reports a lost race.
func (s *Groups) checkWritten(ctx context.Context, g *Group, root string, undo func() error) (raced bool, _ error) {
	err := s.checkPlace(ctx, g, root)
	if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	if err := undo(); err != nil && !errors.Is(err, ErrNotFound) {
		return false, fmt.Errorf("usageplan: group %s: undo a change that a concurrent one made invalid: %w", g.ID, err)
	}
	return true, fmt.Errorf("usageplan: group %s: %w: %v", g.ID, ErrConflict, err)
}
