package series

import (
	"sync"
	"time"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/store/lease"
)

// sources are asked for gauges when metrics are gathered.
type sources struct {
	mu       sync.Mutex
	gate     *gate.Gate
	subjects func() int
	busy     func() observe.Busy
	logins   func() observe.Logins
	alerts   func() alert.Stats
}

// Watch adds the gauges of g. It returns an error if g is nil or has other units than r,
// or if r watches a Gate already.
func (r *Recorder) Watch(g *gate.Gate) error {
	if err := nilcheck.Required("gate", g, "a Gate"); err != nil {
		return err
	}
	s := &r.sources
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil {
		return errWatched
	}
	if err := r.checkUnits(g); err != nil {
		return err
	}
	s.gate = g
	return nil
}

// WatchSubjects adds the gauge of a store in memory.
func (r *Recorder) WatchSubjects(count func() int) {
	r.sources.mu.Lock()
	defer r.sources.mu.Unlock()
	r.sources.subjects = count
}

// WatchStore adds the gauges of a store that is called, such as Redis.
func (r *Recorder) WatchStore(busy func() observe.Busy) {
	r.sources.mu.Lock()
	defer r.sources.mu.Unlock()
	r.sources.busy = busy
}

// WatchLogins adds the counters of an admin page.
func (r *Recorder) WatchLogins(failed func() observe.Logins) {
	r.sources.mu.Lock()
	defer r.sources.mu.Unlock()
	r.sources.logins = failed
}

// WatchAlerts adds the metrics of an alert.Observer.
func (r *Recorder) WatchAlerts(stats func() alert.Stats) {
	r.sources.mu.Lock()
	defer r.sources.mu.Unlock()
	r.sources.alerts = stats
}

// read reads the gauges.
func (s *sources) read(yield Yield) {
	s.mu.Lock()
	g, subjects, busy, logins, alerts := s.gate, s.subjects, s.busy, s.logins, s.alerts
	s.mu.Unlock()
	if g != nil {
		readGate(g.Stats(), yield)
		readLeases(g, yield)
	}
	if subjects != nil {
		yield(Subjects, float64(subjects()))
	}
	if busy != nil {
		b := busy()
		yield(Calls, float64(b.Charges), "charge")
		yield(Calls, float64(b.Reads), "read")
		yield(CallsWaiting, float64(b.ChargesWaiting), "charge")
		yield(CallsWaiting, float64(b.ReadsWaiting), "read")
	}
	if alerts != nil {
		readAlerts(alerts(), yield)
	}
	if logins != nil {
		l := logins()
		yield(FailedLogins, float64(l.Wrong), "wrong")
		yield(FailedLogins, float64(l.Refused), "refused")
	}
}

// readAlerts reads the metrics of an alert.Observer.
func readAlerts(s alert.Stats, yield Yield) {
	yield(AlertEvents, float64(s.Fired), "fired")
	yield(AlertEvents, float64(s.Delivered), "delivered")
	yield(AlertEvents, float64(s.Dropped), "dropped")
	yield(AlertEvents, float64(s.Untracked), "untracked")
	yield(AlertEvents, float64(s.Idle), "idle")
	yield(AlertQueued, float64(s.Queued))
	yield(AlertRunning, float64(bit(s.Running)))
}

// readLeases reads the gauges of a Gate with leases.
func readLeases(g *gate.Gate, yield Yield) {
	if leases, ok := g.Counter().(*lease.Counter); ok {
		stats := leases.Stats()
		yield(LeasedSubjects, float64(stats.Subjects))
		yield(LeaseFailing, float64(bit(stats.Failing)))
	}
}

func readGate(s gate.Stats, yield Yield) {
	yield(CachedKeys, float64(s.CachedKeys))
	yield(RefusedSecrets, float64(s.RefusedSecrets))
	yield(Lookups, float64(s.Lookups))
	yield(LookupsWaiting, float64(s.Waiting))
	yield(OldestKey, s.OldestKey.Seconds())
	readOutage("keys", s.KeyOutage, yield)
	readOutage("counter", s.CounterOutage, yield)
	for _, l := range s.Listeners {
		yield(Running, float64(bit(l.Running)), l.Store)
		yield(Subscribed, float64(bit(!l.Since.IsZero())), l.Store)
		readTime(SubscribedSince, l.Since, l.Store, yield)
		readTime(LastChange, l.Heard, l.Store, yield)
		yield(Lost, float64(l.Lost), l.Store)
		yield(SubscribeFailed, float64(l.Failed), l.Store)
		yield(SubscribeDenied, float64(l.Denied), l.Store)
	}
	for _, m := range s.Mistakes {
		yield(Mistakes, float64(m.Count), m.Mistake.String())
	}
}

func readOutage(store string, o gate.Outage, yield Yield) {
	lasted := 0.0
	if !o.Since.IsZero() {
		lasted = time.Since(o.Since).Seconds()
	}
	yield(Outage, float64(bit(!o.Since.IsZero())), store)
	yield(OutageTime, lasted, store)
	yield(Outages, float64(o.Outages), store)
	yield(OutageDecisions, float64(o.AllDecisions), store)
	yield(Denied, float64(o.Denied), store)
}

// readTime reads an instant as seconds of Unix time. There is no value for the zero Time.
func readTime(m *Metric, at time.Time, store string, yield Yield) {
	if !at.IsZero() {
		yield(m, float64(at.UnixMicro())/1e6, store)
	}
}
