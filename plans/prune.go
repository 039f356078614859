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
	ids := w.surplusGroups()
	members, err := w.membersOf(ctx, ids)
	if err != nil {
		return err
	}
	below := w.groupsBelow(ids)
	for _, id := range ids {
		why := ""
		switch {
		case !w.prune:
		case below[id] != "":
			why = "group " + below[id] + " is below it"
		case members[id] != "":
			why = "key " + members[id] + " is in it"
		}
		w.drop(Record{Kind: KindGroup, ID: id}, w.File.Groups != nil, why)
		if why == "" && w.prune && w.File.Groups != nil {
			delete(w.groups, id)
		} else if g := w.groups[id]; g != nil {
			below[g.ParentID] = cmp.Or(below[g.ParentID], id)
		}
	}
	return w.findSurplusPlans(ctx)
}

// surplusGroups returns the groups that the file does not have, the lowest first. So what
// is below a group is known before the group.
func (w *wanted) surplusGroups() (ids []string) {
	inFile := byID(w.File.Groups, func(g *usageplan.Group) string { return g.ID })
	for id := range w.before.groups {
		if inFile[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(depth(w.groups, b), depth(w.groups, a)), cmp.Compare(a, b))
	})
	return ids
}

// groupsBelow returns for each group one that is directly below it and is none of
// surplus.
func (w *wanted) groupsBelow(surplus []string) map[string]string {
	below := map[string]string{}
	set := map[string]bool{}
	for _, id := range surplus {
		set[id] = true
	}
	for id, g := range w.groups {
		if first := below[g.ParentID]; !set[id] && (first == "" || id < first) {
			below[g.ParentID] = id
		}
	}
	return below
}

func (w *wanted) findSurplusPlans(ctx context.Context) error {
	inFile := byID(w.File.Plans, func(p *usageplan.Plan) string { return p.ID })
	ofGroups := map[string]string{}
	for id, g := range w.groups {
		ofGroups[g.PlanID] = max(id, ofGroups[g.PlanID])
	}
	linked := map[string]string{}
	for _, l := range w.Links { // which may not be stored yet
		linked[l.PlanID] = cmp.Or(linked[l.PlanID], l.KeyID)
	}
	for _, id := range slices.Sorted(maps.Keys(w.before.plans)) {
		if inFile[id] != nil {
			continue
		}
		why, err := w.whyPlanStays(ctx, id, ofGroups[id], linked)
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

// maxAsked is for how many groups the store is asked for the keys of each. For more, all
// keys are read once: a store may look at every key to find those of a group.
const maxAsked = 16

// membersOf returns for each of some groups a key that is in it, or will be.
func (w *wanted) membersOf(ctx context.Context, groups []string) (map[string]string, error) {
	members := map[string]string{}
	if !w.prune || len(groups) == 0 {
		return members, nil
	}
	for _, k := range w.File.Keys { // which may not be in the group yet
		if k.GroupID != nil {
			members[*k.GroupID] = cmp.Or(members[*k.GroupID], k.ID)
		}
	}
	if len(groups) > maxAsked {
		return members, w.addStored(ctx, members, apikey.Filter{})
	}
	for _, id := range groups {
		if err := w.addStored(ctx, members, apikey.Filter{GroupID: id}); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// addStored adds the stored keys that the file does not move elsewhere.
func (w *wanted) addStored(ctx context.Context, members map[string]string, filter apikey.Filter) error {
	for k, err := range w.Services.Keys.All(ctx, filter) {
		if err != nil {
			return err
		}
		if d := w.keys[k.ID]; d == nil || d.GroupID == nil {
			members[k.GroupID] = cmp.Or(members[k.GroupID], k.ID)
		}
		if filter.GroupID != "" && members[filter.GroupID] != "" {
			return nil
		}
	}
	return nil
}

// whyPlanStays returns why a plan that the file does not have cannot be deleted, or "".
// group is the ID of a group that has it. linked has keys that the file links, by the IDs
// of their plans.
func (w *wanted) whyPlanStays(ctx context.Context, id, group string, linked map[string]string) (string, error) {
	if !w.prune {
		return "", nil
	}
	if group != "" {
		return "group " + group + " has it", nil
	}
	if keyID := linked[id]; keyID != "" {
		return "key " + keyID + " is linked to it", nil
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
