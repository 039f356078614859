package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// GroupUsageByDay returns what all keys of a group and of the groups below it have used
// of a unit on each of the last days, in UTC. Everything else is as for UsageByDay.
//
// If days is not 1 to quota.MaxWindows, or the unit is not declared, the error wraps
// ErrInvalid. If there is no such group, or a group above it is missing, it wraps
// usageplan.ErrNotFound. If the store of plans keeps no groups, it wraps
// usageplan.ErrNoGroups.
func (g *Gate) GroupUsageByDay(ctx context.Context, groupID, unit string, days int) ([]quota.DayUsage, error) {
	record, err := g.recordOf(unit, days)
	if err != nil {
		return nil, err
	}
	subject, err := g.groupSubject(ctx, groupID)
	if err != nil {
		return nil, err
	}
	usage, err := quota.Days(ctx, g.counter, time.Now(), []string{subject}, record, days)
	if err != nil {
		return nil, fmt.Errorf("gate: usage of group %s: %w", groupID, err)
	}
	return usage[0], nil
}

// GroupUsageByWindow returns what a group has used of a quota in each of the last n
// windows. The oldest window is first, and the current one is last. quotaName is the name
// of a quota of the group's plan, or of the group.
//
// If n is not 1 to quota.MaxWindows, the error wraps ErrInvalid. If there is no such
// group, or it has no such quota, the error wraps usageplan.ErrNotFound.
func (g *Gate) GroupUsageByWindow(ctx context.Context, groupID, quotaName string, n int) ([]quota.Usage, error) {
	if err := fault.Report(ErrInvalid, "report", windowsFault("n", n)); err != nil {
		return nil, err
	}
	subject, q, err := g.groupQuota(ctx, groupID, quotaName)
	if err != nil {
		return nil, err
	}
	usage, err := quota.Windows(ctx, g.counter, time.Now(), []string{subject}, q, n)
	if err != nil {
		return nil, fmt.Errorf("gate: usage of group %s: %w", groupID, err)
	}
	return usage[0], nil
}

// SetGroupRemaining sets what remains of a group's quota in the current window to n, as
// SetRemaining does for a key. It is for all keys of the group and of the groups below it
// together.
//
// If n is not 0 to 2^53-2, the error wraps ErrInvalid. If there is no such group, or it
// has no such quota, the error wraps usageplan.ErrNotFound.
func (g *Gate) SetGroupRemaining(ctx context.Context, groupID, quotaName string, n int64) error {
	if err := remainingFault(n); err != nil {
		return err
	}
	at := time.Now()
	subject, q, err := g.groupQuota(ctx, groupID, quotaName)
	if err != nil {
		return err
	}
	return g.setRemaining(ctx, at, subject, groupID, q, n)
}

// groupSubject returns the subject of a group.
func (g *Gate) groupSubject(ctx context.Context, groupID string) (string, error) {
	root, err := g.rootOf(ctx, groupID)
	return usageplan.GroupSubject(root, groupID), err
}

// groupQuota returns the subject of a group, and its quota of that name. Quotas of the
// group replace those of its plan.
func (g *Gate) groupQuota(ctx context.Context, groupID, name string) (subject string, q quota.Quota, err error) {
	lineage, err := g.lineage(ctx, groupID)
	if err != nil {
		return "", quota.Quota{}, err
	}
	group, root := &lineage[0], &lineage[len(lineage)-1]
	var quotas []quota.Quota
	if group.PlanID != "" {
		if quotas, err = g.quotasOf(ctx, group.PlanID, group.Quotas); err != nil {
			return "", quota.Quota{}, err
		}
	}
	q, err = quotaNamed(quotas, "group "+groupID, name)
	return usageplan.GroupSubject(root.ID, groupID), q, err
}
