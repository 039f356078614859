package gate

import (
	"math"
	"sync"
	"time"

	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

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
