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

// A datedNode is a node and when the oldest of the records was read that it and the nodes
// above it are made of, by the Gate's clock.
type datedNode struct {
	*node
	read time.Duration
}

// groupFlag begins the name of a group's flag in allowances.stale.
const groupFlag = "@"

// lineageOf returns the node of a group, which leads to those above it. below is the
// number of groups between the key and this one. found is what an AccessReader has read.
//
// A group that does not exist makes a broken node, and no error. The node has a flag, so
// the key is read again once the group is created.
func (r *resolver) lineageOf(ctx context.Context, lk *lookup, found *usageplan.Access, id string, below int) (datedNode, error) {
	cached, stale := r.cachedNode(lk, id)
	if cached.node != nil && r.access == nil && lk.now < cached.read+r.maxAge/2 && !cached.changed() {
		return cached, nil
	}
	g, err := usageplan.Group{}, usageplan.ErrNotFound
	if below < usageplan.MaxGroups {
		g, err = r.readGroup(ctx, found, id)
	}
	if errors.Is(err, usageplan.ErrNotFound) {
		return datedNode{&node{group: usageplan.Group{ID: id}, broken: true, stale: stale}, lk.now}, nil
	}
	if err != nil {
		return datedNode{}, fmt.Errorf("gate: group %s: %w", id, err)
	}
	above := datedNode{read: lk.now}
	if g.ParentID != "" {
		if above, err = r.lineageOf(ctx, lk, found, g.ParentID, below+1); err != nil {
			return datedNode{}, err
		}
	}
	n, err := r.newNode(ctx, lk, found, &g, above, stale)
	if err != nil {
		return datedNode{}, err
	}
	if cached.node != nil && cached.same(n.node) {
		n.node = cached.node // keys that were read before share it
	}
	r.cacheNode(lk, n)
	return n, nil
}

// newNode returns the node of a group below another one.
func (r *resolver) newNode(ctx context.Context, lk *lookup, found *usageplan.Access, g *usageplan.Group, above datedNode, stale *atomic.Bool) (datedNode, error) {
	n := &node{group: *g, above: above.node, level: 1, allowance: r.counting, stale: stale}
	if above.node != nil {
		n.level += above.level
		n.broken = above.broken || n.level > usageplan.MaxGroups
		n.detached = above.detached
		n.fault = above.fault
	}
	n.subject = usageplan.GroupSubject(n.root(), g.ID)
	if g.PlanID == "" {
		return datedNode{n, min(above.read, lk.now)}, nil
	}
	a, err := r.allowanceOf(ctx, lk, found, g.PlanID, overrides{throttle: g.Throttle, throttles: g.Throttles, quotas: g.Quotas})
	if errors.Is(err, usageplan.ErrNotFound) {
		n.broken = true
		n.allowance = &allowance{stale: r.flagOf(lk, g.PlanID)}
		return datedNode{n, min(above.read, lk.now)}, nil
	}
	if err != nil {
		return datedNode{}, fmt.Errorf("gate: plan %s: %w", g.PlanID, err)
	}
	n.allowance, n.fault = a.allowance, cmp.Or(n.fault, a.fault)
	n.detached = n.detached || a.plan.Detached
	return datedNode{n, min(above.read, a.read)}, nil
}

// same reports whether the cached node n says what the node says that was just read.
func (n *node) same(read *node) bool {
	return !n.changed() && n.above == read.above && !n.broken && !read.broken && reflect.DeepEqual(n.group, read.group) &&
		(n.allowance == read.allowance || reflect.DeepEqual(n.allowance.plan, read.allowance.plan))
}

// readGroup returns a group from what an AccessReader has read, or from the store.
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

// cachedNode returns the cached node of a group, if there is one, and the group's flag.
//
// The flag is taken before the group is read, so a change in between sets it. But an
// AccessReader has read the group before its ID was known here. If the group has changed
// since the look-up began, that group may be older than the change. Then the flag is set
// from the start.
func (r *resolver) cachedNode(lk *lookup, id string) (datedNode, *atomic.Bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stale := r.allowances.staleFlag(groupFlag + id)
	if r.access != nil && r.changedSince(lk, id) {
		return datedNode{}, staleFromStart()
	}
	return r.allowances.nodes[id], stale
}

// cacheNode caches n, unless the group may have changed since the look-up read it.
func (r *resolver) cacheNode(lk *lookup, n datedNode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := n.group.ID
	if !n.broken && r.allowances.stale[groupFlag+id] == n.stale && r.changedAt[""] <= lk.began {
		r.allowances.nodes[id] = n
	}
}
