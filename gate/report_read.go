package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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
	err := g.forEach(len(keyIDs), func(i int) error {
		a, err := g.access(ctx, keyIDs[i])
		switch {
		case err == nil:
			found[i] = &a
		case !isMissing(err):
			return fmt.Errorf("gate: report of key %s: %w", keyIDs[i], err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(a *usageplan.Access) bool { return a == nil }), nil
}

// forEach calls read with 0 to n-1: one after the other in local memory, and several at a
// time over a network, where each waits for an answer. After an error it begins no more
// of them, and returns one of the errors.
func (g *Gate) forEach(n int, read func(i int) error) error {
	var (
		next   atomic.Int64
		failed atomic.Pointer[error]
		all    sync.WaitGroup
	)
	work := func() {
		for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
			if err := read(i); err != nil {
				failed.Store(&err)
			}
		}
	}
	if g.resolver.local {
		work()
	} else {
		for range min(atOnce, n) {
			all.Go(work)
		}
		all.Wait()
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
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
		r.add(i, subjectsOfAccess(a, root))
	}
	if err := r.readAll(ctx); err != nil {
		return fmt.Errorf("gate: last use: %w", err)
	}
	if err := r.readRotations(ctx); err != nil {
		return err
	}
	for i := range reports {
		reports[i].LastUse = r.uses[i]
	}
	return nil
}
