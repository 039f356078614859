package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/usageplan"
)

// A keptNode is a node and when the oldest part of it was read, by the Gate's clock.
type keptNode struct {
	*node
	read time.Duration
}

// groupFlag begins the name of a group's flag in allowances.stale.
const groupFlag = "@"

// lineageOf returns the node of a group, which leads to those above it. below is the
// number of groups between the key and this one. found is what an AccessReader has read.
//
// A group that does not exist is a broken node, and no error. It has a flag, so that the
// key is read again once the group is created.
func (r *resolver) lineageOf(ctx context.Context, lk *lookup, found *usageplan.Access, id string, below int, now time.Duration) (keptNode, error) {
	k, stale := r.knownNode(lk, id)
	if k.node != nil && r.access == nil && now < k.read+r.maxAge/2 && !k.changed() {
		return k, nil
	}
	g, err := usageplan.Group{}, usageplan.ErrNotFound
	if below < usageplan.MaxGroups {
		g, err = r.readGroup(ctx, found, id)
	}
	if errors.Is(err, usageplan.ErrNotFound) {
		return keptNode{&node{group: usageplan.Group{ID: id}, broken: true, stale: stale}, now}, nil
	}
	if err != nil {
		return keptNode{}, fmt.Errorf("gate: group %s: %w", id, err)
	}
	above := keptNode{read: now}
	if g.ParentID != "" {
		if above, err = r.lineageOf(ctx, lk, found, g.ParentID, below+1, now); err != nil {
			return keptNode{}, err
		}
	}
	n, read, err := r.newNode(ctx, lk, found, &g, above, stale, now)
	if err != nil {
		return keptNode{}, err
	}
	if k.node != nil && k.same(n) {
		n = k.node // keys that were read before share it
	}
	k = keptNode{n, min(above.read, read)}
	r.keepNode(lk, k)
	return k, nil
}

// newNode returns the node of a group below another one, and when its plan was read.
func (r *resolver) newNode(ctx context.Context, lk *lookup, found *usageplan.Access, g *usageplan.Group, above keptNode, stale *atomic.Bool, now time.Duration) (*node, time.Duration, error) {
	n := &node{group: *g, above: above.node, level: 1, allowance: r.counting, stale: stale}
	if above.node != nil {
		n.level += above.level
		n.broken = above.broken || n.level > usageplan.MaxGroups
		n.detached = above.detached
		n.fault = above.fault
	}
	n.subject = usageplan.GroupSubject(n.root(), g.ID)
	if g.PlanID == "" {
		return n, now, nil
	}
	a, err := r.allowanceOf(ctx, lk, found, g.PlanID, overrides{g.Throttle, g.Throttles, g.Quotas}, now)
	if errors.Is(err, usageplan.ErrNotFound) {
		n.broken = true
		n.allowance = &allowance{stale: r.flagOf(lk, g.PlanID)}
		return n, now, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("gate: plan %s: %w", g.PlanID, err)
	}
	n.allowance, n.fault = a.allowance, cmp.Or(n.fault, a.fault)
	n.detached = n.detached || a.plan.Detached
	return n, a.read, nil
}

// same reports whether a node that was kept is as good as one that was just read.
func (n *node) same(read *node) bool {
	return !n.changed() && n.above == read.above && !n.broken && !read.broken && reflect.DeepEqual(n.group, read.group) &&
		(n.allowance == read.allowance || reflect.DeepEqual(n.allowance.plan, read.allowance.plan))
}

// readGroup returns a group: of those that an AccessReader has read, or from the store.
func (r *resolver) readGroup(ctx context.Context, found *usageplan.Access, id string) (usageplan.Group, error) {
	if r.access != nil {
		for i := range found.Groups {
			if found.Groups[i].ID == id {
				return found.Groups[i], nil
			}
		}
		return usageplan.Group{}, usageplan.ErrNotFound
	}
	if r.groups == nil {
		return usageplan.Group{}, usageplan.ErrNotFound
	}
	return r.groups.Group(ctx, id)
}

// knownNode returns the node of a group, if it was kept, and the group's flag.
//
// An AccessReader read the group before its ID was known here. If the group changed
// meanwhile, what was read may be older than the change. Then the flag is set from the
// start. Otherwise the flag is taken before the group is read, and a change sets it.
func (r *resolver) knownNode(lk *lookup, id string) (keptNode, *atomic.Bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stale := r.allowances.staleFlag(groupFlag + id)
	if r.access != nil && r.changedSince(lk, id) {
		return keptNode{}, staleFromStart()
	}
	return r.allowances.nodes[id], stale
}

// keepNode keeps k, unless the group may have changed since the look-up read it.
func (r *resolver) keepNode(lk *lookup, k keptNode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := k.group.ID
	if !k.broken && r.allowances.stale[groupFlag+id] == k.stale && r.changedAt[""] <= lk.began {
		r.allowances.nodes[id] = k
	}
}
