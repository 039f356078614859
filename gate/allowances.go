package gate

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// allowances are what plans allow, shared by the links without overrides. The resolver's
// lock guards them.
type allowances struct {
	byPlan map[string]planned
	stale  map[string]*atomic.Bool // by plan: what its allowances look at
	most   int                     // plans
}

// planned is a plan's allowance, and when the plan was read, by the Gate's clock.
type planned struct {
	*allowance
	read time.Duration
}

func newAllowances(most int) allowances {
	return allowances{map[string]planned{}, map[string]*atomic.Bool{}, most}
}

// flag returns what the allowances of a plan look at from now on, to see that the plan
// has changed.
func (as *allowances) flag(planID string) *atomic.Bool {
	stale := as.stale[planID]
	if stale == nil {
		as.makeRoom()
		stale = new(atomic.Bool)
		as.stale[planID] = stale
	}
	return stale
}

// forget drops a plan, and tells the entries that have it.
func (as *allowances) forget(planID string) {
	if stale := as.stale[planID]; stale != nil {
		stale.Store(true)
		delete(as.stale, planID)
		delete(as.byPlan, planID)
	}
}

// doubt drops what was read of every plan. The entries keep their flags: a later change
// of a plan concerns them as well.
func (as *allowances) doubt() { clear(as.byPlan) }

// makeRoom forgets plans at random until there is room for one more. Keys with such a
// plan are read again.
func (as *allowances) makeRoom() {
	for id := range as.stale {
		if len(as.stale) < as.most {
			return
		}
		as.forget(id)
	}
}

// allowance is what a link allows, by the plan as it is known or, in the second half of
// its age, as it is read now. A plan that was believed longer would end the age of all
// its keys at one instant.
func (r *resolver) allowance(ctx context.Context, f *flight, l *usageplan.Link, now time.Duration) (planned, error) {
	r.mu.Lock()
	known, ok := r.allowances.byPlan[l.PlanID]
	stale := r.allowances.flag(l.PlanID) // from before the plan is read
	r.mu.Unlock()
	if ok = ok && now < known.read+r.maxAge/2; ok && known.serves(l) {
		return known, nil
	}
	if ok {
		return r.share(f, l, known.plan, stale, known.read)
	}
	plan, err := r.plans.Plan(ctx, l.PlanID)
	if err != nil {
		return planned{}, err
	}
	return r.share(f, l, &plan, stale, now)
}

// allowanceOf is what a link allows, by a plan that f has read with the key. All keys
// with one state of a plan share what was compiled for the first.
func (r *resolver) allowanceOf(f *flight, l *usageplan.Link, plan *usageplan.Plan, now time.Duration) (planned, error) {
	r.mu.Lock()
	known, ok := r.allowances.byPlan[l.PlanID]
	stale := r.allowances.flag(l.PlanID)
	if r.heard[l.PlanID] > f.began { // what was read may be older than the change
		stale, ok = new(atomic.Bool), false
		stale.Store(true)
	}
	r.mu.Unlock()
	if ok && known.serves(l) && reflect.DeepEqual(known.plan, plan) {
		known.read = now
		r.keepPlan(f, l.PlanID, known)
		return known, nil
	}
	return r.share(f, l, plan, stale, now)
}

// share compiles what a link allows, and keeps it for the plan's other links if it is the
// plan's own.
func (r *resolver) share(f *flight, l *usageplan.Link, plan *usageplan.Plan, stale *atomic.Bool, read time.Duration) (planned, error) {
	a, err := newAllowance(plan, l, r.keep, stale)
	if err != nil {
		return planned{}, err
	}
	p := planned{a, read}
	if a.record == quota.RecordName && p.serves(l) {
		r.keepPlan(f, l.PlanID, p)
	}
	return p, nil
}

// keepPlan keeps p unless the plan may have changed since f read it.
func (r *resolver) keepPlan(f *flight, planID string, p planned) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.allowances.stale[planID] == p.stale && r.heard[""] <= f.began {
		r.allowances.byPlan[planID] = p
	}
}
