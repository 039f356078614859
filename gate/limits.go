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

// newLimitSet returns limits and their faults. They may name the units of u only. path is
// where the plan has them.
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
	a.own = own
	errs = append(errs, faults...)
	if len(a.plan.For) == 0 {
		return errs
	}
	a.classes, a.routes = map[string]*limitSet{}, map[string]*limitSet{}
	for _, key := range slices.Sorted(maps.Keys(a.plan.For)) {
		path := fmt.Sprintf("for[%.200q]", key)
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
	if n := 1 + len(l.Throttles) + len(l.Quotas) + most(a.classes) + most(a.routes); n > usageplan.MaxLimits {
		errs = append(errs, fmt.Errorf("for: a request can meet %d throttles and quotas: want at most %d", n-1, usageplan.MaxLimits-1))
	}
	return errs
}

// most returns how many limits one of the sets has at most.
func most(sets map[string]*limitSet) (n int) {
	for _, s := range sets {
		n = max(n, len(s.throttles)+len(s.quotas))
	}
	return n
}

// at returns s with the windows that an instant is in, and narrows w to them.
func (s *limitSet) at(at time.Time, keep time.Duration, w *windows) *timedSet {
	t := &timedSet{limitSet: s}
	for _, q := range s.quotas {
		m := window(q, at, keep)
		w.narrow(&m)
		t.windows = append(t.windows, m)
	}
	return t
}

// allAt returns the sets with the windows that an instant is in, and narrows w to them.
func allAt(sets map[string]*limitSet, at time.Time, keep time.Duration, w *windows) map[string]*timedSet {
	timed := make(map[string]*timedSet, len(sets))
	for key, s := range sets {
		timed[key] = s.at(at, keep, w)
	}
	return timed
}

// matching returns m with the limits for a class and for a route, if there are any.
func (w *windows) matching(a *allowance, m *meters, class, route string) *meters {
	if s, ok := w.forClass[class]; ok {
		m = m.with(a, s)
	}
	if s, ok := w.forRoute[route]; ok {
		m = m.with(a, s)
	}
	return m
}

// maxWidened bounds the meters that with keeps of an allowance. Clients choose routes and
// classes, and a plan may have limits for hundreds of routes and for a hundred classes.
const maxWidened = 1 << 10

// with returns m with the limits of a set. It makes them once, and then returns the same,
// unless there are too many. A pointer is the key, because a map of interfaces would
// allocate for any other.
func (m *meters) with(a *allowance, s *timedSet) *meters {
	if kept, ok := m.wider.Load(s); ok {
		return kept.(*meters)
	}
	sets := append(slices.Clone(m.sets), s)
	made := a.meters(m.bucket, m.list[len(m.limits):], sets...)
	if a.widened.Add(1) > maxWidened {
		return made
	}
	kept, _ := m.wider.LoadOrStore(s, made)
	return kept.(*meters)
}

// meters returns the meters of a request: the bucket of its route or of the plan, which
// may be nil, the limits of the sets, and the usage records.
func (a *allowance) meters(bucket *store.Meter, records []store.Meter, sets ...*timedSet) *meters {
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
	return all
}
