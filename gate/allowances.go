package gate

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/usageplan"
)

// allowances holds the compiled plans, and the groups that have them. All links and
// groups that override nothing of a plan share its allowance. The resolver's lock guards
// it.
//
// Every entry of the cache looks at the stale flags of its plans and groups. A change
// sets one flag, however many keys it concerns, and a decision finds out without a lock.
type allowances struct {
	byPlan map[string]datedAllowance
	nodes  map[string]datedNode    // by group ID
	stale  map[string]*atomic.Bool // by ID; that of a group after groupFlag
	cache  *cache
	few    int // flags that are never swept
	limit  int // flags at which the next sweep is due
}

// A datedAllowance is an allowance and when its plan was read, by the Gate's clock.
type datedAllowance struct {
	*allowance
	read time.Duration
}

func newAllowances(c *cache, few int) allowances {
	return allowances{map[string]datedAllowance{}, map[string]datedNode{}, map[string]*atomic.Bool{}, c, few, few}
}

// staleFlag returns the flag of a plan or a group. remove sets it when that changes.
func (as *allowances) staleFlag(name string) *atomic.Bool {
	stale := as.stale[name]
	if stale == nil {
		as.sweep()
		stale = new(atomic.Bool)
		as.stale[name] = stale
	}
	return stale
}

// staleFromStart returns a flag that is set. It is for a record that may have changed
// before it was read.
func staleFromStart() *atomic.Bool {
	stale := new(atomic.Bool)
	stale.Store(true)
	return stale
}

// remove removes a plan or a group. Entries that have it are no longer fresh.
func (as *allowances) remove(name string) {
	if stale := as.stale[name]; stale != nil {
		stale.Store(true)
		delete(as.stale, name)
		delete(as.byPlan, name)
		delete(as.nodes, strings.TrimPrefix(name, groupFlag))
	}
}

// clear removes what was read of every plan and group. The entries keep their flags: a
// later change concerns them as well.
func (as *allowances) clear() {
	clear(as.byPlan)
	clear(as.nodes)
}

// sweep removes the plans and groups that no cached key has, if there are many flags. It
// never removes one that a cached key has, because the key would have to be read again,
// as after a change. So the flags are at most twice those of the cached keys, and a sweep
// goes through the cache only after as many flags were added.
func (as *allowances) sweep() {
	if len(as.stale) < as.limit {
		return
	}
	used := map[*atomic.Bool]bool{}
	as.cache.eachFlag(func(flag *atomic.Bool) { used[flag] = true })
	for name, flag := range as.stale {
		if !used[flag] {
			as.remove(name)
		}
	}
	as.limit = max(as.few, 2*len(as.stale))
}

// allowanceOf returns what a link or a group allows. found is what an AccessReader has
// read. The error is usageplan.ErrNotFound if there is no such plan.
func (r *resolver) allowanceOf(ctx context.Context, lk *lookup, found *usageplan.Access, planID string, o overrides) (datedAllowance, error) {
	if r.access == nil {
		return r.planAllowance(ctx, lk, planID, o)
	}
	plan := found.Plan(planID)
	if plan == nil {
		return datedAllowance{}, usageplan.ErrNotFound
	}
	return r.readAllowance(ctx, lk, plan, o), nil
}

// planAllowance returns what a plan allows. It uses the plan as it was read for another
// key if that was less than half of MaxAge ago. Otherwise it reads the plan.
//
// The bound is half of MaxAge because a key is as old as its plan. With a later bound,
// all keys of a plan would have to be read again at the same time.
func (r *resolver) planAllowance(ctx context.Context, lk *lookup, planID string, o overrides) (datedAllowance, error) {
	r.mu.Lock()
	cached, ok := r.allowances.byPlan[planID]
	// The flag must be taken before the plan is read. A change in between sets it.
	stale := r.allowances.staleFlag(planID)
	r.mu.Unlock()

	young := ok && lk.now < cached.read+r.maxAge/2
	if young && o.none() {
		return cached, nil
	}
	if young {
		return r.compilePlan(ctx, lk, cached.plan, o, stale, cached.read), nil
	}
	plan, err := r.plans.Plan(ctx, planID)
	if err != nil {
		return datedAllowance{}, err
	}
	return r.compilePlan(ctx, lk, &plan, o, stale, lk.now), nil
}

// readAllowance returns what a plan allows that an AccessReader has returned with the
// key. If the plan has not changed since another key was read, the two share one
// allowance.
func (r *resolver) readAllowance(ctx context.Context, lk *lookup, plan *usageplan.Plan, o overrides) datedAllowance {
	r.mu.Lock()
	cached, ok := r.allowances.byPlan[plan.ID]
	stale := r.allowances.staleFlag(plan.ID)
	// The plan was read before its ID was known here. If it changed meanwhile, the plan may
	// be older than the change. Then the entry is stale from the start.
	if r.changedSince(lk, plan.ID) {
		ok = false
		stale = staleFromStart()
	}
	r.mu.Unlock()

	if ok && o.none() && reflect.DeepEqual(cached.plan, plan) {
		cached.read = lk.now
		r.cachePlan(lk, cached)
		return cached
	}
	return r.compilePlan(ctx, lk, plan, o, stale, lk.now)
}

// changedSince reports whether a plan or a group may have changed since a look-up began.
// The caller holds r.mu. The change may be one of too many to note: see noteChange.
func (r *resolver) changedSince(lk *lookup, id string) bool {
	return max(r.changedAt[id], r.changedAt[""]) > lk.began
}

// flagOf returns the flag of a key that was read, or of a plan that was not found and may
// be created.
func (r *resolver) flagOf(lk *lookup, id string) *atomic.Bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	stale := r.allowances.staleFlag(id)
	if r.changedSince(lk, id) {
		return staleFromStart()
	}
	return stale
}

// compilePlan compiles a plan with overrides. Without overrides, it caches the result for
// other links and groups.
//
// A plan that cannot be in force is cached as well. It is no failure of the store: only
// the keys that have the plan are refused, and they need not be read for each request.
func (r *resolver) compilePlan(ctx context.Context, lk *lookup, plan *usageplan.Plan, o overrides, stale *atomic.Bool, read time.Duration) datedAllowance {
	p := datedAllowance{newAllowance(plan, o, r.units, r.keep, stale), read}
	if p.fault != nil {
		r.warnOfPlan(ctx, p.fault)
	}
	if o.none() {
		r.cachePlan(lk, p)
	}
	return p
}

// warnOfPlan tells of a plan that cannot be in force.
func (r *resolver) warnOfPlan(ctx context.Context, fault error) {
	r.mistakes.note(BrokenPlan)
	if r.logger != nil {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "ration: keys are refused: a plan of theirs cannot be in force", slog.Any("error", fault))
	}
}

// cachePlan caches p, unless the plan may have changed since the look-up read it.
func (r *resolver) cachePlan(lk *lookup, p datedAllowance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.allowances.stale[p.plan.ID] == p.stale && r.changedAt[""] <= lk.began {
		r.allowances.byPlan[p.plan.ID] = p
	}
}
