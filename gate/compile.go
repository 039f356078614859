package gate

import (
	"fmt"
	"math"
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

// An allowance is a compiled plan. It may have the overrides of one link or group. It
// holds all that is the same for each subject, so the subjects of a plan share it.
type allowance struct {
	plan   *usageplan.Plan
	keep   time.Duration
	quotas []quota.Quota

	// buckets has the throttles by route, and the plan's own under "". A route whose bucket
	// is nil has no throttle. stages has the throttles of the routes on one stage.
	buckets map[string]*store.Meter
	stages  map[usageplan.Stage]map[string]*store.Meter

	stale *atomic.Bool            // set when the plan has changed
	now   atomic.Pointer[windows] // as of the last decision
}

// A windows has the meters of an allowance for the time in which no window begins or
// ends. That is [from, until) in Unix seconds.
type windows struct {
	from, until int64
	stages      map[usageplan.Stage]map[string]*meters // AnyRoute: every other route
	routes      map[string]*meters
	others      *meters // of every other route
}

// A meters has what one request is charged, in this order: the throttle if there is one,
// the quotas, the usage record, and the request's ID if it has one.
type meters struct {
	list      []store.Meter
	throttles int // how many meters at the start are throttles: 0 or 1
	ids       int // how many meters at the end are IDs: 0 or 1

	limits []Limit // of the throttle and the quotas, which can refuse
}

// An overrides has what a link or a group has instead of a limit of its plan. If nil, the
// plan's counts.
type overrides struct {
	throttle *limiter.Limit
	quotas   []quota.Quota
}

func (o overrides) none() bool { return o.throttle == nil && o.quotas == nil }

// newAllowance compiles a plan with overrides. It returns an error if the plan breaks a
// rule: a store may return such a plan.
func newAllowance(p *usageplan.Plan, o overrides, keep time.Duration, stale *atomic.Bool) (*allowance, error) {
	a := &allowance{
		plan:    p,
		keep:    keep,
		quotas:  p.Quotas,
		buckets: map[string]*store.Meter{},
		stages:  map[usageplan.Stage]map[string]*store.Meter{},
		stale:   stale,
	}
	throttle := p.Throttle
	if o.throttle != nil {
		throttle = o.throttle
	}
	if o.quotas != nil {
		a.quotas = o.quotas
	}
	if n := len(a.quotas); n > usageplan.MaxQuotas {
		return nil, fmt.Errorf("gate: plan %s: quotas: %d of them: want at most %d", p.ID, n, usageplan.MaxQuotas)
	}
	if throttle != nil {
		if err := a.addBucket(a.buckets, "", metername.Throttle, *throttle); err != nil {
			return nil, err
		}
	}
	for route, limit := range p.Routes {
		if err := a.addBucket(a.buckets, route, metername.Route(route), limit); err != nil {
			return nil, err
		}
	}
	for stage, routes := range p.StageRoutes {
		buckets := map[string]*store.Meter{}
		a.stages[stage] = buckets
		for route, limit := range routes {
			if err := a.addBucket(buckets, route, metername.StagePrefix(stage.String())+route, limit); err != nil {
				return nil, err
			}
		}
	}
	return a, store.Check(a.compile(time.Now()).others.list)
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

// tokens returns how many tokens the throttles charge for a request.
func (a *allowance) tokens(cost int64) int64 {
	if a.plan.ThrottleByCost {
		return cost
	}
	return 1
}

// addBucket adds the bucket of a route to buckets. If the route is unlimited, it adds
// nil.
func (a *allowance) addBucket(buckets map[string]*store.Meter, route, name string, l limiter.Limit) error {
	buckets[route] = nil
	if l.Unlimited() {
		return nil
	}
	m, err := l.Meter(name)
	if err != nil {
		return fmt.Errorf("gate: plan %s: %w", a.plan.ID, fault.In(name, err))
	}
	buckets[route] = &m
	return nil
}

// at returns the meters of a route on a stage at an instant.
func (a *allowance) at(at time.Time, stage usageplan.Stage, route string) *meters {
	w := a.now.Load()
	if t := at.Unix(); w == nil || t < w.from || t >= w.until {
		w = a.compile(at)
		a.now.Store(w)
	}
	if len(w.stages) > 0 {
		if m := pick(w.stages[stage], route); m != nil {
			return m
		}
	}
	if len(w.routes) > 0 {
		if m, ok := w.routes[route]; ok {
			return m
		}
	}
	return w.others
}

// pick returns the meters of a route among those of a stage. If the route has none, it
// returns those of every other route, or nil if the stage has none of these either.
func pick(routes map[string]*meters, route string) *meters {
	if m, ok := routes[route]; ok {
		return m
	}
	return routes[usageplan.AnyRoute]
}

// compile returns the meters of an allowance for the windows that an instant is in.
func (a *allowance) compile(at time.Time) *windows {
	w := &windows{from: math.MinInt64, until: math.MaxInt64, routes: map[string]*meters{}, stages: map[usageplan.Stage]map[string]*meters{}}
	var list []store.Meter
	for _, q := range a.quotas {
		list = append(list, window(q, at, a.keep))
	}
	list = append(list, quota.Record(quota.RecordName, at, a.keep))
	for i := range list {
		w.from, w.until = max(w.from, list[i].Start), min(w.until, list[i].End)
	}
	others, ok := a.buckets[usageplan.AnyRoute]
	if !ok {
		others = a.buckets[""]
	}
	w.others = a.withBucket(others, list)
	for stage, buckets := range a.stages {
		w.stages[stage] = map[string]*meters{}
		for route, m := range buckets {
			w.stages[stage][route] = a.withBucket(m, list)
		}
	}
	for route, m := range a.buckets {
		if route != "" && route != usageplan.AnyRoute {
			w.routes[route] = a.withBucket(m, list)
		}
	}
	return w
}

// clockSkew is how far clocks may differ, or be set back, before a quota admits more than
// its limit: the store forgets a window that ended longer ago than this.
const clockSkew = 24 * time.Hour

// window returns the meter of a quota at an instant. The store keeps an ended window for
// at least clockSkew, however short the reports are. It keeps no more windows than a
// report can show, because 90 days of a quota by the minute would be megabytes a key.
func window(q quota.Quota, at time.Time, keep time.Duration) store.Meter {
	m := q.Meter(at, max(keep, clockSkew))
	if length := time.Duration(m.End-m.Start) * time.Second; length > 0 && m.Keep/length >= quota.MaxWindows {
		m.Keep = quota.MaxWindows * length
	}
	return m
}

// withBucket returns the meters of a route whose throttle is m. If m is nil, the route
// has none.
func (a *allowance) withBucket(m *store.Meter, windows []store.Meter) *meters {
	all := &meters{list: windows}
	if m != nil {
		all.list = append([]store.Meter{*m}, windows...)
		all.throttles = 1
		all.limits = append(all.limits, Limit{Name: m.Name, Rate: m.Rate})
	}
	for i, q := range a.quotas {
		w := &windows[i]
		all.limits = append(all.limits, Limit{
			Name:  q.NameOrPeriod(),
			Start: time.Unix(w.Start, 0).UTC(),
			End:   time.Unix(w.End, 0).UTC(),
		})
	}
	return all
}
