package plans

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// findSurplus finds the groups and plans that the file does not have. With Prune, those
// that nothing needs are deleted.
func (w *wanted) findSurplus(ctx context.Context) error {
	inFile := byID(w.File.Groups, func(g *usageplan.Group) string { return g.ID })
	ids := slices.SortedFunc(maps.Keys(w.before.groups), func(a, b string) int {
		return cmp.Or(cmp.Compare(depth(w.groups, b), depth(w.groups, a)), cmp.Compare(a, b)) // the lowest first
	})
	for _, id := range ids {
		if inFile[id] != nil {
			continue
		}
		why, err := w.whyGroupStays(ctx, id)
		if err != nil {
			return err
		}
		w.drop(Record{Kind: KindGroup, ID: id}, w.File.Groups != nil, why)
		if why == "" && w.prune && w.File.Groups != nil {
			delete(w.groups, id)
		}
	}
	return w.findSurplusPlans(ctx)
}

func (w *wanted) findSurplusPlans(ctx context.Context) error {
	inFile := byID(w.File.Plans, func(p *usageplan.Plan) string { return p.ID })
	ofGroups := map[string]string{}
	for id, g := range w.groups {
		ofGroups[g.PlanID] = max(id, ofGroups[g.PlanID])
	}
	for _, id := range slices.Sorted(maps.Keys(w.before.plans)) {
		if inFile[id] != nil {
			continue
		}
		why, err := w.whyPlanStays(ctx, id, ofGroups[id])
		if err != nil {
			return err
		}
		w.drop(Record{Kind: KindPlan, ID: id}, w.File.Plans != nil, why)
	}
	return nil
}

// drop deletes a record that the file does not have, or keeps it as unmanaged.
func (w *wanted) drop(r Record, hasSection bool, why string) {
	switch {
	case !w.prune:
		w.keep(r, "")
	case !hasSection:
		w.keep(r, fmt.Sprintf("the file has no %ss", r.Kind))
	case why != "":
		w.keep(r, why)
	case r.Kind == KindGroup:
		w.step(lastGroups, Change{Action: Delete, Record: r}, "", func(ctx context.Context) error { return w.Services.Groups.Delete(ctx, r.ID) })
	default:
		w.step(lastPlans, Change{Action: Delete, Record: r}, "", func(ctx context.Context) error { return w.Services.Plans.Delete(ctx, r.ID) })
	}
}

func (w *wanted) keep(r Record, why string) { w.unmanaged = append(w.unmanaged, Unmanaged{r, why}) }

// depth returns how many groups are above one.
func depth(groups map[string]*usageplan.Group, id string) (n int) {
	for g := groups[id]; g != nil && g.ParentID != "" && n < usageplan.MaxGroups; n++ {
		g = groups[g.ParentID]
	}
	return n
}

// whyGroupStays returns why a group that the file does not have cannot be deleted, or "".
// The groups below it that are deleted are no longer in w.groups.
func (w *wanted) whyGroupStays(ctx context.Context, id string) (string, error) {
	if !w.prune {
		return "", nil
	}
	for _, g := range w.groups {
		if g.ParentID == id {
			return "group " + g.ID + " is below it", nil
		}
	}
	for _, k := range w.File.Keys { // which may not be in the group yet
		if k.GroupID != nil && *k.GroupID == id {
			return "key " + k.ID + " is in it", nil
		}
	}
	for k, err := range w.Services.Keys.All(ctx, apikey.Filter{GroupID: id}) {
		if err != nil {
			return "", err
		}
		if d := w.keys[k.ID]; d == nil || d.GroupID == nil {
			return "key " + k.ID + " is in it", nil
		}
	}
	return "", nil
}

// whyPlanStays returns why a plan that the file does not have cannot be deleted, or "".
// group is the ID of a group that has it.
func (w *wanted) whyPlanStays(ctx context.Context, id, group string) (string, error) {
	if !w.prune {
		return "", nil
	}
	if group != "" {
		return "group " + group + " has it", nil
	}
	for _, l := range w.Links { // which may not be stored yet
		if l.PlanID == id {
			return "key " + l.KeyID + " is linked to it", nil
		}
	}
	for cursor, more := "", true; more; more = cursor != "" {
		links, next, err := w.Services.Plans.Links(ctx, id, cursor, 500)
		if err != nil {
			return "", err
		}
		for _, l := range links {
			c := w.links[l.KeyID]
			if c == nil || slices.Contains(c.after, id) {
				return "key " + l.KeyID + " is linked to it", nil
			}
		}
		cursor = next
	}
	return "", nil
}
