package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// planIDs returns the IDs of the plans of a key's links and groups, each once.
func planIDs(a *usageplan.Access) (ids []string) {
	for _, l := range a.Links {
		ids = append(ids, l.PlanID)
	}
	for _, group := range a.Groups {
		if group.PlanID != "" {
			ids = append(ids, group.PlanID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// atOnce is how many keys of a report are read at a time.
const atOnce = 16

// accesses reads all that is known about each key. Keys that do not exist are left out.
func (g *Gate) accesses(ctx context.Context, keyIDs []string) ([]*usageplan.Access, error) {
	found := make([]*usageplan.Access, len(keyIDs))
	errs := make([]error, len(keyIDs))
	read := func(i int) {
		a, err := g.access(ctx, keyIDs[i])
		if err != nil && !isMissing(err) {
			errs[i] = fmt.Errorf("gate: report of key %s: %w", keyIDs[i], err)
		}
		if err == nil {
			found[i] = &a
		}
	}
	g.forEach(len(keyIDs), read)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(a *usageplan.Access) bool { return a == nil }), nil
}

// forEach calls read with 0 to n-1: one after the other in local memory, and several at a
// time over a network, where each waits for an answer.
func (g *Gate) forEach(n int, read func(i int)) {
	if g.resolver.local {
		for i := range n {
			read(i)
		}
		return
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(atOnce, n) {
		wg.Go(func() {
			for i := range next {
				read(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// access reads all that is known about a key in single calls, for stores that are no
// AccessReader. It leaves out what is missing, as an AccessReader does.
func (g *Gate) access(ctx context.Context, keyID string) (a usageplan.Access, err error) {
	if r := g.resolver.access; r != nil {
		return r.AccessByKey(ctx, keyID)
	}
	if a.Key, err = g.resolver.keys.Key(ctx, keyID); err != nil {
		return a, err
	}
	if a.Links, err = g.plans.KeyLinks(ctx, keyID); err != nil {
		return a, err
	}
	for id := a.Key.GroupID; id != "" && len(a.Groups) <= usageplan.MaxGroups; {
		group, err := g.ownGroup(ctx, id)
		if errors.Is(err, usageplan.ErrNotFound) || errors.Is(err, usageplan.ErrNoGroups) {
			break
		}
		if err != nil {
			return a, err
		}
		a.Groups, id = append(a.Groups, group), group.ParentID
	}
	for _, id := range planIDs(&a) {
		p, err := g.plans.Plan(ctx, id)
		if err != nil && !errors.Is(err, usageplan.ErrNotFound) {
			return a, err
		}
		if err == nil {
			a.Plans = append(a.Plans, p)
		}
	}
	return a, nil
}

// isMissing reports whether err says that there is no such key.
func isMissing(err error) bool { return errors.Is(err, apikey.ErrNotFound) }

// groupStands reads a group, those above it and its plan. With an error that wraps
// usageplan.ErrNotFound, the report has what was found.
func (g *Gate) groupStands(ctx context.Context, id string) (r GroupReport, err error) {
	if r.Lineage, err = g.lineage(ctx, id); err != nil {
		if group, readErr := g.ownGroup(ctx, id); readErr == nil {
			r.Lineage = []usageplan.Group{group}
		}
		return r, err
	}
	if planID := r.Lineage[0].PlanID; planID != "" {
		p, err := g.plans.Plan(ctx, planID)
		if err != nil {
			return r, fmt.Errorf("gate: plan %s: %w", planID, err)
		}
		r.Plan = &p
	}
	return r, nil
}

func (g *Gate) ownGroup(ctx context.Context, id string) (usageplan.Group, error) {
	if g.resolver.groups == nil {
		return usageplan.Group{}, usageplan.ErrNoGroups
	}
	return g.resolver.groups.Group(ctx, id)
}

// fillLastUse sets the LastUse of reports.
func (g *Gate) fillLastUse(ctx context.Context, reports []KeyReport) error {
	r := &lastReader{Gate: g, at: time.Now(), keys: make([]apikey.Key, len(reports)), uses: make([]LastUse, len(reports))}
	for i := range reports {
		a := &reports[i].Access
		root, err := rootOfAccess(a)
		r.keys[i], r.uses[i] = a.Key, LastUse{KeyID: a.Key.ID, Unknown: err != nil}
		if err != nil {
			continue
		}
		for _, subject := range subjectsOfAccess(a, root) {
			r.subjects, r.keyOf = append(r.subjects, subject), append(r.keyOf, i)
		}
	}
	if err := r.readAll(ctx); err != nil {
		return fmt.Errorf("gate: last use: %w", err)
	}
	for i := range reports {
		if err := r.readRotation(ctx, i); err != nil {
			return fmt.Errorf("gate: last use of key %s: %w", r.keys[i].ID, err)
		}
		reports[i].LastUse = r.uses[i]
	}
	return nil
}
