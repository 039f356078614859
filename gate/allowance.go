package gate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// An allowance is a compiled plan. It may have the overrides of one link or group. It has
// nothing that differs from subject to subject, so the subjects of a plan share it.
type allowance struct {
	plan    *usageplan.Plan
	keep    time.Duration
	units   usageplan.Units
	general *limitSet // for all requests, beside the throttle of the plan or a route

	classes, routes map[string]*limitSet // of usageplan.Plan.For

	// buckets has the throttles by route, and the plan's own under "". A route whose bucket
	// is nil has no throttle. stages has the throttles of the routes on one stage.
	buckets map[string]*store.Meter
	stages  map[usageplan.Stage]map[string]*store.Meter

	alerts []int // thresholds of all quotas in percent, or nil for those of package alert

	fault   error                      // if not nil, the plan admits nothing
	stale   *atomic.Bool               // set when the plan has changed
	current atomic.Pointer[meterTable] // as of the last decision

	widened atomic.Int64 // how many meters meters.with has made for current
}

// An overrides has what a link or a group has instead of a limit of its plan. If nil, the
// plan's counts.
type overrides struct {
	throttle  *limiter.Limit
	throttles []usageplan.Throttle
	quotas    []quota.Quota
	alerts    []int
}

func (o overrides) none() bool {
	return o.throttle == nil && o.throttles == nil && o.quotas == nil && o.alerts == nil
}

// newAllowance compiles a plan with overrides. If the plan breaks a rule, or names a unit
// that is not declared, the allowance has a fault. A Service writes no such plan, but a
// store may have one.
func newAllowance(p *usageplan.Plan, o overrides, units usageplan.Units, keep time.Duration, stale *atomic.Bool) *allowance {
	a := &allowance{
		plan:    p,
		keep:    keep,
		units:   units,
		buckets: map[string]*store.Meter{},
		stages:  map[usageplan.Stage]map[string]*store.Meter{},
		alerts:  p.Alerts,
		stale:   stale,
	}
	l := usageplan.Limits{Throttles: p.Throttles, Quotas: p.Quotas}
	throttle := p.Throttle
	if o.throttle != nil {
		throttle = o.throttle
	}
	if o.throttles != nil {
		l.Throttles = o.throttles
	}
	if o.quotas != nil {
		l.Quotas = o.quotas
	}
	if o.alerts != nil {
		a.alerts = o.alerts
	}
	errs := append(a.addLimits(l), a.addBuckets(throttle)...)
	if len(errs) == 0 {
		errs = a.meterFaults()
	}
	if err := errors.Join(errs...); err != nil {
		a.fault = fmt.Errorf("gate: plan %s: %w", p.ID, err)
	}
	return a
}

// meterFaults returns what a store would refuse.
func (a *allowance) meterFaults() (errs []error) {
	t := a.compile(time.Now())
	if err := store.CheckMeters(t.others.list); err != nil {
		return []error{err}
	}
	for _, sets := range []map[string]*timedSet{t.forClass, t.forRoute} {
		for _, key := range slices.Sorted(maps.Keys(sets)) {
			errs = append(errs, fault.In(forPath(key), store.CheckMeters(t.others.with(a, sets[key]).list)))
		}
	}
	return errs
}

// settles reports whether Settle corrects a throttle of the plan: one of a declared unit.
func (a *allowance) settles() bool {
	has := func(sets map[string]*limitSet) bool {
		for _, s := range sets {
			if s.settles() {
				return true
			}
		}
		return false
	}
	return a.general.settles() || has(a.classes) || has(a.routes)
}

// settles reports whether Settle corrects one of the throttles.
func (s *limitSet) settles() bool {
	return slices.ContainsFunc(s.throttles, func(t usageplan.Throttle) bool { return t.Unit != "" && t.Unit != usageplan.Requests })
}

// fits returns 2 if the plan names an API stage, 1 if the plan is for every stage, and 0
// otherwise.
func (a *allowance) fits(stage usageplan.Stage) int {
	switch {
	case len(a.plan.Stages) == 0 && !a.plan.Detached:
		return 1
	case slices.Contains(a.plan.Stages, stage):
		return 2
	}
	return 0
}

// addBuckets adds the buckets of the plan and of its routes. It returns their faults.
func (a *allowance) addBuckets(throttle *limiter.Limit) (errs []error) {
	if throttle != nil {
		errs = append(errs, addBucket(a.buckets, "", metername.Throttle, *throttle))
	}
	for route, limit := range a.plan.Routes {
		errs = append(errs, addBucket(a.buckets, route, metername.Route(route), limit))
	}
	for stage, routes := range a.plan.StageRoutes {
		buckets := map[string]*store.Meter{}
		a.stages[stage] = buckets
		for route, limit := range routes {
			errs = append(errs, addBucket(buckets, route, metername.StagePrefix(stage.String())+route, limit))
		}
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// addBucket adds the bucket of a route to buckets. If the route is unlimited, it adds
// nil.
func addBucket(buckets map[string]*store.Meter, route, name string, l limiter.Limit) error {
	buckets[route] = nil
	if l.Unlimited() {
		return nil
	}
	m, err := l.Meter(name)
	if err != nil {
		return fault.In(name, err)
	}
	buckets[route] = &m
	return nil
}
