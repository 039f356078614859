package gate

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
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

// A meterTable has the meters of an allowance by stage, route and class, for a time in
// which no window begins or ends. That is [from, until) in Unix seconds.
type meterTable struct {
	from, until int64
	stages      map[usageplan.Stage]map[string]*meters // AnyRoute: every other route
	routes      map[string]*meters
	others      *meters // of every other route

	// forClass and forRoute have the limits of usageplan.Plan.For, which count beside those
	// in the meters above: see with.
	forClass, forRoute map[string]*timedSet
}

// narrow bounds t to the time of a window.
func (t *meterTable) narrow(m *store.Meter) {
	t.from, t.until = max(t.from, m.Start), min(t.until, m.End)
}

// A meters has what one request is charged, in this order: the throttle of the plan or
// the route if there is one, the other throttles, the quotas, a usage record for each
// unit, and the request's ID if it has one.
type meters struct {
	list      []store.Meter
	units     []uint8 // of each meter: 0 for requests, or 1 and the index in Costs
	plain     bool    // all units are requests
	throttles int     // how many meters at the start are throttles
	ids       int     // how many meters at the end are IDs: 0 or 1
	hardQuota bool    // one of the quotas is not soft

	limits []Limit // of the throttles and the quotas

	fast *store.MeterList // of list, for a ListTaker; nil if it would not decide

	bucket *store.Meter // the first throttle if it is that of the plan or the route, or nil
	sets   []*timedSet  // the other limits
	wider  *sync.Map    // the *meters with one *timedSet more; nil without Plan.For
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

// metersOf returns the meters of a request.
func (a *allowance) metersOf(req *Request, now reading) *meters {
	t := a.current.Load()
	if !t.covers(now.unix(req)) {
		now.stamp(req)
		t = a.tableAt(req.At, t)
	}
	return t.meters(a, usageplan.Stage{API: req.API, Name: req.Stage}, req.Route, req.Class)
}

// metersAt returns the meters of a request at an instant, by its stage, route and class.
func (a *allowance) metersAt(at time.Time, stage usageplan.Stage, route, class string) *meters {
	t := a.current.Load()
	if !t.covers(at.Unix()) {
		t = a.tableAt(at, t)
	}
	return t.meters(a, stage, route, class)
}

// covers reports whether t is for a time in Unix seconds. A nil table is for none.
func (t *meterTable) covers(at int64) bool { return t != nil && at >= t.from && at < t.until }

// meters returns the meters of a request by its stage, route and class. a is the
// allowance that t is of.
func (t *meterTable) meters(a *allowance, stage usageplan.Stage, route, class string) *meters {
	m := t.of(stage, route)
	if m.wider != nil {
		m = t.matching(a, m, class, route)
	}
	return m
}

// tableAt compiles the table of an instant, and puts it in the place of old, which is of
// another time. If several callers compile it at once, all of them get the same table:
// see Outcome.Limits.
func (a *allowance) tableAt(at time.Time, old *meterTable) *meterTable {
	t := a.compile(at)
	if a.current.CompareAndSwap(old, t) {
		return t
	}
	if other, now := a.current.Load(), at.Unix(); now >= other.from && now < other.until {
		return other
	}
	return t
}

// of returns the meters of a route on a stage.
func (t *meterTable) of(stage usageplan.Stage, route string) *meters {
	if len(t.stages) > 0 {
		if m := pick(t.stages[stage], route); m != nil {
			return m
		}
	}
	if len(t.routes) > 0 {
		if m, ok := t.routes[route]; ok {
			return m
		}
	}
	return t.others
}

// pick returns the meters of a route among those of a stage. If the route has none, it
// returns those of every other route, or nil if the stage has none of these either.
func pick(routes map[string]*meters, route string) *meters {
	if m, ok := routes[route]; ok {
		return m
	}
	return routes[usageplan.AnyRoute]
}

// compile returns the table for the windows that an instant is in.
func (a *allowance) compile(at time.Time) *meterTable {
	a.widened.Store(0)
	t := &meterTable{from: math.MinInt64, until: math.MaxInt64, routes: map[string]*meters{}, stages: map[usageplan.Stage]map[string]*meters{}}
	general := a.general.timedAt(at, a.keep, t)
	if len(a.plan.For) > 0 {
		t.forClass = allTimedAt(a.classes, at, a.keep, t)
		t.forRoute = allTimedAt(a.routes, at, a.keep, t)
	}
	records := []store.Meter{quota.Record(quota.RecordName, at, a.keep)}
	for _, unit := range a.units {
		records = append(records, quota.Record(metername.RecordPrefix+unit.Name, at, a.keep))
	}
	t.narrow(&records[0]) // the others are of the same day
	others, ok := a.buckets[usageplan.AnyRoute]
	if !ok {
		others = a.buckets[""]
	}
	t.others = a.newMeters(others, records, general)
	for stage, buckets := range a.stages {
		t.stages[stage] = map[string]*meters{}
		for route, m := range buckets {
			t.stages[stage][route] = a.newMeters(m, records, general)
		}
	}
	for route, m := range a.buckets {
		if route != "" && route != usageplan.AnyRoute {
			t.routes[route] = a.newMeters(m, records, general)
		}
	}
	return t
}

// clockSkew is how far clocks may differ, or be set back, before a quota admits more than
// its limit. A store may forget a window that ended longer ago than this.
const clockSkew = 24 * time.Hour

// quotaMeter returns the meter of a quota at an instant. The store keeps an ended window
// for at least clockSkew, however short the reports are. It keeps no more windows than a
// report can show, because 90 days of a quota by the minute would be megabytes a key.
func quotaMeter(q quota.Quota, at time.Time, keep time.Duration) store.Meter {
	m := q.Meter(at, max(keep, clockSkew))
	if length := time.Duration(m.End-m.Start) * time.Second; length > 0 && m.Keep/length >= quota.MaxWindows {
		m.Keep = quota.MaxWindows * length
	}
	return m
}
