package usageplan

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/retry"
)

// Update changes a group under traffic, and returns the new group. The new limits count
// at once, and what was used still counts, by the rules of Service.Update. Update
// restores the ID, Created, Updated and Version, whatever change does to them.
//
// If others change the group at the same time, Update calls change again with the new
// state, after a short pause that ends with ctx. So change must do no more than set
// fields. If change returns an error, Update changes nothing and returns that error.
//
// # The group above
//
// A change of ParentID moves the group, with its keys and all groups below it. Their use
// so far stays charged to the groups that were above them then.
//
// A group stays in its family: the root is the same, and the root itself cannot get a
// parent. The group cannot go below itself, and nothing below it may have more than
// MaxGroups groups up to the root. If the groups above it form a cycle, its family is
// unknown, and any parent that exists is accepted. Give it one of the family that it had,
// since it finds what it has used only there.
//
// Two concurrent changes can each be valid and make a cycle or a family that is too deep
// together. So Update looks at the groups above and below again after it has written. If
// the change no longer fits, Update puts the old state back and starts again. For that
// moment a Gate refuses the keys. If the process ends in that moment, the group stays as
// it is, and Audit reports it.
//
// Errors: those of change; ErrInvalid; ErrNotFound if the group, a group above it or the
// new plan does not exist; and ErrConflict if others were faster 16 times in a row. If
// the parent of the group was deleted, create it again before the group is moved.
func (s *Groups) Update(ctx context.Context, id string, change func(*Group) error) (g Group, err error) {
	var old Group
	err = retry.Do(ctx, func() (raced bool, err error) {
		if old, err = s.Get(ctx, id); err != nil {
			return false, err
		}
		g = old.Clone()
		if err := change(&g); err != nil {
			return false, err
		}
		g.ID = old.ID
		g.Created = old.Created
		g.Updated = now()
		g.Version = old.Version
		if err := invalid("group", append(g.faults(), s.units.faults(g.Throttles, g.Quotas)...)); err != nil {
			return false, err
		}
		if changed := g.PlanID != old.PlanID; changed || g.Throttles != nil || g.Quotas != nil {
			err := s.checkOverrides(ctx, &g)
			if err != nil && (changed || !errors.Is(err, ErrNotFound)) { // a missing plan may stay
				return false, err
			}
		}
		return s.replace(ctx, &g, &old)
	})
	if err != nil {
		return Group{}, err
	}
	g.Version++
	action := history.Update
	if g.ParentID != old.ParentID {
		action = history.Move
	}
	s.history.group(ctx, action, &old, &g)
	return g, nil
}

// replace writes g over old, if g may have its ParentID. It reports whether another
// change was faster.
func (s *Groups) replace(ctx context.Context, g, old *Group) (raced bool, _ error) {
	moves := g.ParentID != old.ParentID
	root := ""
	if moves {
		var err error
		if root, err = s.mayMove(ctx, g, old); err != nil {
			return false, err
		}
	}
	raced, err := written("update group "+g.ID, s.groups.UpdateGroup(ctx, *g))
	if err != nil || !moves {
		return raced, err
	}
	return s.checkWritten(ctx, g, root, func() error { return s.putBack(ctx, g, old) })
}

// mayMove returns an error if g, which replaces old, may not have its ParentID. root is
// the root of the family, or empty if it is unknown.
func (s *Groups) mayMove(ctx context.Context, g, old *Group) (root string, _ error) {
	switch {
	case old.ParentID == "":
		return "", fmt.Errorf("%w group %s: parentId: %q: want none: the root of a family stays its root", ErrInvalid, g.ID, g.ParentID)
	case g.ParentID == "":
		return "", fmt.Errorf("%w group %s: parentId: empty: want a group of its family: it cannot become a root", ErrInvalid, g.ID)
	}
	root, err := s.rootOf(ctx, g.ID)
	if err != nil && !errors.Is(err, ErrInvalid) { // a cycle is what a change may mend
		return "", err
	}
	return root, s.checkPlace(ctx, g, root)
}

// putBack replaces g, which was just written, by old. If others have changed the group
// since, it puts back no more than the ParentID. If they have changed that, it does
// nothing.
func (s *Groups) putBack(ctx context.Context, g, old *Group) error {
	return retry.Do(ctx, func() (raced bool, err error) {
		back, err := s.Get(ctx, g.ID)
		if err != nil {
			return false, err
		}
		switch {
		case back.Version == g.Version+1:
			version := back.Version
			back = *old
			back.Version = version
		case back.ParentID == g.ParentID:
			back.ParentID = old.ParentID
		default:
			return false, nil
		}
		return written("update group "+g.ID, s.groups.UpdateGroup(ctx, back))
	})
}
