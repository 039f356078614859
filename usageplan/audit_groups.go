package usageplan

import (
	"context"
	"errors"
)

// A verdict is what the groups above a key decide, whatever its links are.
type verdict int

const (
	abstains verdict = iota // no group, or groups without a plan that is in force
	admits                  // a plan of a group admits keys without a link
	closes                  // a plan of a group is detached, so no key is admitted
	refuses                 // a group or its plan is missing, or there are too many groups
)

// verdict returns the verdict of a group and those above it. Most keys share their groups
// with others, so each group is read once.
func (a *audit) verdict(ctx context.Context, groupID string) (v verdict, err error) {
	if groupID == "" {
		return abstains, nil
	}
	a.groupsInUse[groupID] = true
	if v, ok := a.verdicts[groupID]; ok {
		return v, nil
	}
	v, err = a.judge(ctx, groupID)
	if err == nil {
		a.verdicts[groupID] = v
	}
	return v, err
}

// judge reads a group and those above it, and returns their verdict.
func (a *audit) judge(ctx context.Context, groupID string) (verdict, error) {
	if a.groups == nil {
		return refuses, nil
	}
	above, err := Lineage(ctx, a.groups, groupID)
	if broken(err) {
		return refuses, nil
	}
	if err != nil {
		return 0, err
	}
	v := abstains
	for i := range above {
		if above[i].PlanID == "" {
			continue
		}
		p, err := a.plans.Plan(ctx, above[i].PlanID)
		if broken(err) {
			return refuses, nil
		}
		if err != nil {
			return 0, err
		}
		switch {
		case p.Detached:
			v = closes
		case v != closes:
			v = admits
		}
	}
	return v, nil
}

// broken reports whether err says that a record is missing or that a lineage is too long,
// and not that the store failed.
func broken(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) }

// auditGroups adds to the report what is wrong with all groups, and notes the plans that
// they have.
func (a *audit) auditGroups(ctx context.Context) error {
	if a.groups == nil {
		return nil
	}
	var ids []string
	for g, err := range allGroups(ctx, a.groups, GroupFilter{}) {
		if err != nil {
			return err
		}
		ids = append(ids, g.ID)
		a.groupsInUse[g.ParentID] = true
		a.plansOfGroups[g.PlanID] = true
		if err := a.auditGroup(ctx, &g); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if !a.groupsInUse[id] {
			a.EmptyGroups = append(a.EmptyGroups, id)
		}
	}
	return nil
}

// auditGroup adds to the report what is wrong with one group. A group is not broken only
// because one above it is.
func (a *audit) auditGroup(ctx context.Context, g *Group) error {
	err := a.groupFault(ctx, g)
	if broken(err) {
		a.BrokenGroups = append(a.BrokenGroups, g.ID)
		return nil
	}
	return err
}

// groupFault adds the faults of a group to the report. It returns an error if the group
// is broken, or if a store failed: see broken.
func (a *audit) groupFault(ctx context.Context, g *Group) error {
	if err := a.auditGroupLimits(ctx, g); err != nil {
		return err
	}
	if g.ParentID == "" {
		return nil
	}
	if _, err := a.groups.Group(ctx, g.ParentID); err != nil {
		return err
	}
	_, err := Lineage(ctx, a.groups, g.ID)
	if errors.Is(err, ErrNotFound) { // of a group further up, which is reported
		return nil
	}
	return err
}

// auditGroupLimits adds the faults of a group to the report. It returns an error if the
// plan of the group cannot be read.
func (a *audit) auditGroupLimits(ctx context.Context, g *Group) error {
	faults := append(g.faults(), a.units.faults(g.Throttles, g.Quotas)...)
	var missing error
	if g.PlanID != "" {
		var p Plan
		if p, missing = a.plans.Plan(ctx, g.PlanID); missing == nil {
			faults = append(faults, p.overrideFaults(g.Throttles, g.Quotas)...)
		}
	}
	a.reportInvalid(InvalidRecord{GroupID: g.ID}, "group", faults)
	return missing
}
