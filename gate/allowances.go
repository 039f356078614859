package gate

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// allowances holds the compiled plans. All links to a plan that override nothing share
// its allowance. The resolver's lock guards it.
//
// Every entry of the cache looks at the stale flag of its plans. A change of a plan sets
// that one flag, however many keys have the plan, and a decision finds out without a
// lock.
type allowances struct {
	byPlan map[string]planned
	stale  map[string]*atomic.Bool // by plan ID; the flag of new allowances
	most   int                     // the bound of the plans
}

// planned is a plan's allowance and when the plan was read, by the Gate's clock.
type planned struct {
	*allowance
	read time.Duration
}

func newAllowances(most int) allowances {
	return allowances{map[string]planned{}, map[string]*atomic.Bool{}, most}
}

// staleFlag returns the flag of the plan. removePlan sets it when the plan changes.
func (as *allowances) staleFlag(planID string) *atomic.Bool {
	stale := as.stale[planID]
	if stale == nil {
		as.evictPlans()
		stale = new(atomic.Bool)
		as.stale[planID] = stale
	}
	return stale
}

// removePlan removes a plan. Entries that have it are no longer fresh.
func (as *allowances) removePlan(planID string) {
	if stale := as.stale[planID]; stale != nil {
		stale.Store(true)
		delete(as.stale, planID)
		delete(as.byPlan, planID)
	}
}

// clearPlans removes what was read of every plan. The entries keep their flags: a later
// change of a plan concerns them as well.
func (as *allowances) clearPlans() { clear(as.byPlan) }

// evictPlans removes plans at random until there is room for one more. Keys with such a
// plan are read again, since nothing would tell them of its changes.
func (as *allowances) evictPlans() {
	for id := range as.stale {
		if len(as.stale) < as.most {
			return
		}
		as.removePlan(id)
	}
}

// planAllowance returns what a link allows. It uses the plan as it was read for another
// key if that was less than half of MaxAge ago. Otherwise it reads the plan.
//
// The bound is half of MaxAge because a key is as old as its plan. With a later bound,
// all keys of a plan would have to be read again at the same time.
func (r *resolver) planAllowance(ctx context.Context, lk *lookup, l *usageplan.Link, now time.Duration) (planned, error) {
	r.mu.Lock()
	known, ok := r.allowances.byPlan[l.PlanID]
	// The flag must be taken before the plan is read. A change in between sets it.
	stale := r.allowances.staleFlag(l.PlanID)
	r.mu.Unlock()

	young := ok && now < known.read+r.maxAge/2
	if young && known.serves(l) {
		return known, nil
	}
	if young {
		return r.compileLink(lk, l, known.plan, stale, known.read)
	}
	plan, err := r.plans.Plan(ctx, l.PlanID)
	if err != nil {
		return planned{}, err
	}
	return r.compileLink(lk, l, &plan, stale, now)
}

// readAllowance returns what a link allows by a plan that an AccessReader has returned
// with the key. If the plan has not changed since another key was read, the two share
// one allowance.
func (r *resolver) readAllowance(lk *lookup, l *usageplan.Link, plan *usageplan.Plan, now time.Duration) (planned, error) {
	r.mu.Lock()
	known, ok := r.allowances.byPlan[l.PlanID]
	stale := r.allowances.staleFlag(l.PlanID)
	// The plan was read before its ID was known here. If it changed meanwhile, the
	// plan may be older than the change. Then the entry is stale from the start. It may be
	// one of too many changes to note, see noteChange.
	if max(r.changedAt[l.PlanID], r.changedAt[""]) > lk.began {
		ok = false
		stale = new(atomic.Bool)
		stale.Store(true)
	}
	r.mu.Unlock()

	if ok && known.serves(l) && reflect.DeepEqual(known.plan, plan) {
		known.read = now
		r.keepPlan(lk, l.PlanID, known)
		return known, nil
	}
	return r.compileLink(lk, l, plan, stale, now)
}

// compileLink compiles what a link allows. If the link overrides nothing, the result is
// kept for the plan's other links.
func (r *resolver) compileLink(lk *lookup, l *usageplan.Link, plan *usageplan.Plan, stale *atomic.Bool, read time.Duration) (planned, error) {
	a, err := newAllowance(plan, l, r.keep, stale)
	if err != nil {
		return planned{}, err
	}
	p := planned{a, read}
	if a.record == quota.RecordName && p.serves(l) {
		r.keepPlan(lk, l.PlanID, p)
	}
	return p, nil
}

// keepPlan keeps p, unless the plan may have changed since the look-up read it.
func (r *resolver) keepPlan(lk *lookup, planID string, p planned) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.allowances.stale[planID] == p.stale && r.changedAt[""] <= lk.began {
		r.allowances.byPlan[planID] = p
	}
}
