package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A limitSet has limits of an allowance that count together: those for all requests, or
// those for one class or route.
type limitSet struct {
	throttles []usageplan.Throttle
	buckets   []store.Meter // of throttles
	quotas    []quota.Quota
}

// A timedSet is a limitSet with the windows of its quotas at an instant.
type timedSet struct {
	*limitSet
	windows []store.Meter
}

// newLimitSet returns a set of limits, and their faults. A unit that is not in u is a
// fault. path is where the plan has the limits, and begins the text of each fault.
func newLimitSet(path string, l usageplan.Limits, u usageplan.Units) (s *limitSet, errs []error) {
	s = &limitSet{throttles: l.Throttles, quotas: l.Quotas}
	for i, t := range l.Throttles {
		m, err := t.Meter(metername.Named(cmp.Or(t.Unit, usageplan.Requests), t.NameOrUnit()))
		if err = cmp.Or(err, u.Check(t.Unit)); err != nil {
			errs = append(errs, fault.In(fmt.Sprintf("%sthrottles[%d]", path, i), err))
		}
		m.Soft = t.Soft
		s.buckets = append(s.buckets, m)
	}
	for i, q := range l.Quotas {
		if err := u.Check(q.Unit); err != nil {
			errs = append(errs, fault.In(fmt.Sprintf("%squotas[%d]", path, i), err))
		}
	}
	return s, errs
}

// addLimits adds the limits for all requests, and those for classes and routes. It
// returns their faults.
func (a *allowance) addLimits(l usageplan.Limits) (errs []error) {
	if n := 1 + len(l.Throttles) + len(l.Quotas); n > usageplan.MaxLimits {
		errs = append(errs, fmt.Errorf("throttles, quotas: %d of them: want at most %d", n-1, usageplan.MaxLimits-1))
	}
	own, faults := newLimitSet("", l, a.units)
	a.general = own
	errs = append(errs, faults...)
	if len(a.plan.For) == 0 {
		return errs
	}
	a.classes, a.routes = map[string]*limitSet{}, map[string]*limitSet{}
	for _, key := range slices.Sorted(maps.Keys(a.plan.For)) {
		path := forPath(key)
		s, faults := newLimitSet(path+".", a.plan.For[key].Named(key), a.units)
		errs = append(errs, faults...)
		if strings.Contains(key, "/") {
			a.routes[key] = s
		} else {
			a.classes[key] = s
			if err := usageplan.CheckClass(key); err != nil {
				errs = append(errs, fault.In(path, err))
			}
		}
	}
	if n := 1 + len(l.Throttles) + len(l.Quotas) + mostLimits(a.classes) + mostLimits(a.routes); n > usageplan.MaxLimits {
		errs = append(errs, fmt.Errorf("for: a request can meet %d throttles and quotas: want at most %d", n-1, usageplan.MaxLimits-1))
	}
	return errs
}

// mostLimits returns how many limits one of the sets has at most.
func mostLimits(sets map[string]*limitSet) (n int) {
	for _, s := range sets {
		n = max(n, len(s.throttles)+len(s.quotas))
	}
	return n
}

// forPath returns the path of a member of usageplan.Plan.For in an error.
func forPath(key string) string { return fmt.Sprintf("for[%.200q]", key) }

// timedAt returns s with the windows that an instant is in, and narrows t to them.
func (s *limitSet) timedAt(at time.Time, keep time.Duration, t *meterTable) *timedSet {
	timed := &timedSet{limitSet: s}
	for _, q := range s.quotas {
		m := quotaMeter(q, at, keep)
		t.narrow(&m)
		timed.windows = append(timed.windows, m)
	}
	return timed
}

// allTimedAt returns what timedAt returns, for each of the sets.
func allTimedAt(sets map[string]*limitSet, at time.Time, keep time.Duration, t *meterTable) map[string]*timedSet {
	timed := make(map[string]*timedSet, len(sets))
	for key, s := range sets {
		timed[key] = s.timedAt(at, keep, t)
	}
	return timed
}

// matching returns m with the limits for a class and for a route, if there are any.
func (t *meterTable) matching(a *allowance, m *meters, class, route string) *meters {
	if s, ok := t.forClass[class]; ok {
		m = m.with(a, s)
	}
	if s, ok := t.forRoute[route]; ok {
		m = m.with(a, s)
	}
	return m
}

// maxWidened bounds the meters that with keeps for one table. Clients choose routes and
// classes, and a plan may have limits for hundreds of routes and for a hundred classes.
const maxWidened = 1 << 10

// with returns m with the limits of a set. It makes these meters once and then returns
// the same ones, unless there are too many. The key in wider is the pointer of the set,
// because any other key would be allocated to become an interface.
func (m *meters) with(a *allowance, s *timedSet) *meters {
	if kept, ok := m.wider.Load(s); ok {
		return kept.(*meters)
	}
	sets := append(slices.Clone(m.sets), s)
	made := a.newMeters(m.bucket, m.list[len(m.limits):], sets...)
	if a.widened.Add(1) > maxWidened {
		return made
	}
	kept, _ := m.wider.LoadOrStore(s, made)
	return kept.(*meters)
}

// newMeters returns the meters of a request: the bucket of its route or of the plan,
// which may be nil, the limits of the sets, and the usage records.
func (a *allowance) newMeters(bucket *store.Meter, records []store.Meter, sets ...*timedSet) *meters {
	all := &meters{bucket: bucket, plain: true, sets: sets}
	if len(a.plan.For) > 0 {
		all.wider = new(sync.Map)
	}
	add := func(m store.Meter, unit string) {
		index := a.units.Index(unit) + 1 // 0 for requests, which is not declared
		all.list = append(all.list, m)
		all.units = append(all.units, uint8(index))
		all.plain = all.plain && index == 0
	}
	limit := func(l Limit, m store.Meter, unit string) {
		l.Unit = cmp.Or(unit, usageplan.Requests)
		l.Soft = m.Soft
		all.limits = append(all.limits, l)
		add(m, unit)
	}
	if bucket != nil {
		limit(Limit{Name: bucket.Name, Rate: bucket.Rate}, *bucket, "")
	}
	for _, s := range sets {
		for i, t := range s.throttles {
			limit(Limit{Name: t.NameOrUnit(), Rate: s.buckets[i].Rate}, s.buckets[i], t.Unit)
		}
	}
	all.throttles = len(all.list)
	for _, s := range sets {
		for i, q := range s.quotas {
			m := s.windows[i]
			limit(Limit{Name: q.NameOrPeriod(), Start: time.Unix(m.Start, 0).UTC(), End: time.Unix(m.End, 0).UTC()}, m, q.Unit)
			all.hardQuota = all.hardQuota || !q.Soft
		}
	}
	for i, m := range records {
		unit := ""
		if i > 0 {
			unit = a.units[i-1].Name
		}
		add(m, unit)
	}
	if all.fast = store.NewMeterList(all.list); all.fast != nil {
		all.list = all.fast.Meters()
	}
	return all
}
