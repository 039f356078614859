package usageplan

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/internal/retry"
)

// Put creates the group with the ID of g, or changes it to g, and returns the stored
// group. It writes nothing if the stored group already equals g. A service can call Put
// for each of its groups at every start, from any number of processes. A group comes
// after its parent and its plan.
//
// Put sets Created, Updated and Version, and ignores those of g.
//
// Caution: Put overwrites what others have changed. For a group that operators edit, call
// Create and ignore ErrExists.
//
// Errors: those of Create and Update except ErrExists, and ErrInvalid for an empty ID,
// which would create another group at every start.
func (s *Groups) Put(ctx context.Context, g Group) (put Group, err error) {
	if g.ID == "" {
		return Group{}, fmt.Errorf("%w group: id: empty: want one that stays the same at every start", ErrInvalid)
	}
	err = retry.Do(ctx, func() (raced bool, err error) {
		old, err := s.Get(ctx, g.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			// Another process may create the group first, and it may want the same of it.
			put, err = s.Create(ctx, g)
			return errors.Is(err, ErrExists), err
		case err != nil:
			return false, err
		case old.equals(g): // an update would grow the Version and notify every Gate
			put = old
			return false, nil
		}
		put, err = s.Update(ctx, g.ID, func(h *Group) error { *h = g.Clone(); return nil })
		if errors.Is(err, ErrNotFound) { // of the group, or of its parent or plan
			_, gone := s.Get(ctx, g.ID)
			return errors.Is(gone, ErrNotFound), err
		}
		return false, err
	})
	if err != nil {
		return Group{}, err
	}
	return put, nil
}

// Delete removes a group. The counts stay in the Counter until they are old.
//
// Caution: the groups and the keys may be in two stores, so Delete cannot exclude that a
// key or a group is put into the group while it is deleted. A Gate refuses such a key,
// and Audit reports it. Create the group again with its ID and its ParentID to mend this.
//
// Errors: ErrNotFound; ErrInUse if a group is below it or a key is in it, and the text
// names the first one; and ErrConflict if others changed the group 16 times in a row.
func (s *Groups) Delete(ctx context.Context, id string) error {
	var g Group
	err := retry.Do(ctx, func() (raced bool, err error) {
		if g, err = s.Get(ctx, id); err != nil {
			return false, err
		}
		if err := s.unused(ctx, id); err != nil {
			return false, err
		}
		return written("delete group "+id, s.groups.DeleteGroup(ctx, id, g.Version))
	})
	if err != nil {
		return err
	}
	s.history.group(ctx, history.Delete, &g, nil)
	return nil
}

// unused returns ErrInUse if a group is below another, or a key is in it.
func (s *Groups) unused(ctx context.Context, id string) error {
	child, err := firstGroup(ctx, s.groups, GroupFilter{ParentID: id})
	if err != nil {
		return err
	}
	if child != "" {
		return fmt.Errorf("usageplan: delete group %s: group %s is below it: %w", id, child, ErrInUse)
	}
	for page, err := range pages.All(func(cursor string) ([]apikey.Key, string, error) {
		return s.keys.Keys(ctx, apikey.Filter{GroupID: id}, cursor, pages.Size)
	}) {
		if err != nil {
			return fmt.Errorf("usageplan: keys of group %s: %w", id, err)
		}
		if len(page) > 0 {
			return fmt.Errorf("usageplan: delete group %s: key %s is in it: %w", id, page[0].ID, ErrInUse)
		}
	}
	return nil
}
