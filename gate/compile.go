package gate

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// allowance is what a plan, or a plan with a link's overrides, allows: all that is the
// same for each of its subjects. Those of one plan share it.
type allowance struct {
	plan    *usageplan.Plan
	record  string
	keep    time.Duration
	quotas  []quota.Quota
	buckets map[string]*store.Meter // by route; "" is the plan's own; nil: no throttle there
	stages  map[usageplan.Stage]map[string]*store.Meter
	stale   *atomic.Bool // the plan has changed since
	now     atomic.Pointer[windows]
}

// windows is the meters of an allowance while no window begins or ends: [from, until) in
// Unix seconds.
type windows struct {
	from, until int64
	stages      map[usageplan.Stage]map[string]*meters // AnyRoute is every other route
	routes      map[string]*meters
	others      *meters // on every other route
}

// meters is what one request is charged: the throttle if there is one, the quotas, the
// usage record, the ID if it has one.
type meters struct {
	list      []store.Meter
	throttles int // the first so many are throttles
	ids       int // the last so many are IDs: one, or none

	limits []Limit // what limits: all but the usage record and the ID
}

// newAllowance compiles a plan as the link has it. It fails where a plan that a store
// gave breaks a rule.
func newAllowance(p *usageplan.Plan, l *usageplan.Link, keep time.Duration, stale *atomic.Bool) (*allowance, error) {
	a := &allowance{plan: p, record: l.RecordName(), keep: keep, stale: stale, quotas: p.Quotas,
		buckets: map[string]*store.Meter{}, stages: map[usageplan.Stage]map[string]*store.Meter{}}
	throttle, bucket := p.Throttle, metername.Throttle
	if l.Throttle != nil {
		throttle = l.Throttle
		if l.RecordName() != quota.RecordName { // the links of a subject have other figures
			bucket = metername.Link(l.KeyID)
		}
	}
	if l.Quotas != nil {
		a.quotas = l.Quotas
	}
	if n := len(a.quotas); n > usageplan.MaxQuotas {
		return nil, fmt.Errorf("gate: plan %s: quotas: %d of them: want at most %d", p.ID, n, usageplan.MaxQuotas)
	}
	if throttle != nil {
		if err := a.bucket(a.buckets, "", bucket, *throttle); err != nil {
			return nil, err
		}
	}
	for route, limit := range p.Routes {
		if err := a.bucket(a.buckets, route, metername.Route(route), limit); err != nil {
			return nil, err
		}
	}
	for stage, routes := range p.StageRoutes {
		buckets := map[string]*store.Meter{}
		a.stages[stage] = buckets
		for route, limit := range routes {
			if err := a.bucket(buckets, route, metername.StagePrefix(stage.String())+route, limit); err != nil {
				return nil, err
			}
		}
	}
	return a, store.Check(a.compile(time.Now()).others.list)
}

// serves says whether a, a plan's own, is what a link to it allows.
func (a *allowance) serves(l *usageplan.Link) bool {
	return l.Throttle == nil && l.Quotas == nil && l.RecordName() == a.record
}

// bucket makes the bucket of a route, nil if its limit is none.
func (a *allowance) bucket(buckets map[string]*store.Meter, route, name string, l limiter.Limit) error {
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

// at is the meters of a route of a stage at an instant.
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

// pick is the meters of a route among those of a stage, or of every other route; nil: the
// stage has none of its own.
func pick(routes map[string]*meters, route string) *meters {
	if m, ok := routes[route]; ok {
		return m
	}
	return routes[usageplan.AnyRoute]
}

func (a *allowance) compile(at time.Time) *windows {
	w := &windows{from: math.MinInt64, until: math.MaxInt64, routes: map[string]*meters{}, stages: map[usageplan.Stage]map[string]*meters{}}
	var list []store.Meter
	for _, q := range a.quotas {
		list = append(list, window(q, at, a.keep))
	}
	list = append(list, quota.Record(a.record, at, a.keep))
	for i := range list {
		w.from, w.until = max(w.from, list[i].Start), min(w.until, list[i].End)
	}
	others, ok := a.buckets[usageplan.AnyRoute]
	if !ok {
		others = a.buckets[""]
	}
	w.others = withBucket(others, a.quotas, list)
	for stage, buckets := range a.stages {
		w.stages[stage] = map[string]*meters{}
		for route, m := range buckets {
			w.stages[stage][route] = withBucket(m, a.quotas, list)
		}
	}
	for route, m := range a.buckets {
		if route != "" && route != usageplan.AnyRoute {
			w.routes[route] = withBucket(m, a.quotas, list)
		}
	}
	return w
}

// clockSkew is by how much clocks may differ, or be set back, before a quota's window
// that has ended is forgotten and can be had again.
const clockSkew = 24 * time.Hour

// window returns the meter of a quota at an instant. The store keeps an ended window for
// at least clockSkew, however short the reports are, but never more windows than a report
// can ask for: 90 days of a quota by the minute would be megabytes a key.
func window(q quota.Quota, at time.Time, keep time.Duration) store.Meter {
	m := q.Meter(at, max(keep, clockSkew))
	if length := time.Duration(m.End-m.Start) * time.Second; length > 0 && m.Keep/length >= quota.MaxWindows {
		m.Keep = quota.MaxWindows * length
	}
	return m
}

func withBucket(m *store.Meter, quotas []quota.Quota, windows []store.Meter) *meters {
	all := &meters{list: windows}
	if m != nil {
		all.list, all.throttles = append([]store.Meter{*m}, windows...), 1
	}
	if m != nil {
		all.limits = append(all.limits, Limit{Name: shownName(m.Name), Rate: m.Rate})
	}
	for i, q := range quotas {
		w := &windows[i]
		all.limits = append(all.limits, Limit{
			Name:  q.NameOrPeriod(),
			Start: time.Unix(w.Start, 0).UTC(),
			End:   time.Unix(w.End, 0).UTC(),
		})
	}
	return all
}

// shownName returns what a decision calls a bucket. A link's own throttle is shown as
// that of a plan.
func shownName(bucket string) string {
	if strings.HasPrefix(bucket, metername.Link("")) {
		return metername.Throttle
	}
	return bucket
}
