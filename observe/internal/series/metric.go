package series

// A Metric is a counter or a gauge. Its Name has lower-case words between dots.
type Metric struct {
	Name   string
	Help   string
	Unit   string // of UCUM: "s" or empty
	Labels []string
	Gauge  bool
}

// The counters. Each of them only grows.
var (
	Decisions = &Metric{Name: "decisions", Labels: []string{"plan", "reason", "allowed", "degraded"},
		Help: "Requests that were decided, by the plan of the key and the reason. Degraded decisions were made by a failure policy."}
	Repeated = &Metric{Name: "repeated_decisions", Labels: []string{"plan"},
		Help: "Requests that were admitted and not charged, since one of the same ID was charged before. They are among the decisions."}
	Peeks = &Metric{Name: "peeks", Labels: []string{"plan", "reason"},
		Help: "Decisions that were only asked for. They are not among the decisions."}
	Further = &Metric{Name: "further_charges", Labels: []string{"plan"},
		Help: "Further costs of a request that were admitted. They are not among the decisions. A refusal of further costs is."}
	Refusals = &Metric{Name: "refusals", Labels: []string{"plan", "limit", "unit", "payer", "reason"},
		Help: "Limits that refused a request, by the plan that has the limit, and the kind of its payer. A request counts once for each limit that refused it."}
	WouldRefuse = &Metric{Name: "would_refuse", Labels: []string{"plan", "limit", "unit", "payer"},
		Help: "Limits that had no room for an admitted request, because they are soft or all limits are turned off."}
	Charged = &Metric{Name: "units.charged", Labels: []string{"plan", "unit"},
		Help: "Units that were charged, by a request or by a later correction."}
	Returned = &Metric{Name: "units.returned", Labels: []string{"plan", "unit"},
		Help: "Units that a later correction gave back."}
	Corrections = &Metric{Name: "corrections", Labels: []string{"plan", "kind", "result"},
		Help: "Corrections of charges: kind settle or refund, result ok or failed."}
	KeyReads = &Metric{Name: "key_reads",
		Help: "Decisions and peeks for which a key or its plans had to be read."}
	StaleKeys = &Metric{Name: "stale_key_decisions",
		Help: "Decisions and peeks by a key that could not be read again in time, because its store fails."}
)

// The gauges of a Gate, and counters that it keeps itself.
var (
	CachedKeys = &Metric{Name: "cached_keys", Gauge: true,
		Help: "Entries in the cache of usable keys."}
	RefusedSecrets = &Metric{Name: "refused_secrets", Gauge: true,
		Help: "Refused secrets and IDs that are remembered."}
	Lookups = &Metric{Name: "lookups.in_flight", Gauge: true,
		Help: "Look-ups of keys in flight."}
	LookupsWaiting = &Metric{Name: "lookups.waiting", Gauge: true,
		Help: "Cached keys that wait to be read again."}
	OldestKey = &Metric{Name: "stale_key.age", Unit: "s", Gauge: true,
		Help: "Greatest age of a key that was used in an outage of the store of keys. It is 0 without an outage."}
	Outage = &Metric{Name: "store.outage", Labels: []string{"store"}, Gauge: true,
		Help: "1 while a store fails, by its use: keys or counter."}
	OutageTime = &Metric{Name: "store.outage_duration", Unit: "s", Labels: []string{"store"}, Gauge: true,
		Help: "Time since the outage of a store began. It is 0 without an outage."}
	Outages = &Metric{Name: "store.outages", Labels: []string{"store"},
		Help: "Outages of a store that began."}
	OutageDecisions = &Metric{Name: "store.outage_decisions", Labels: []string{"store"},
		Help: "Decisions that an outage affected: by a stale key, or by a failure policy."}
	Denied = &Metric{Name: "store.denied", Labels: []string{"store"},
		Help: "Calls that the server of a store denied, by its use: keys or counter. The credential of this process is wrong, or it lacks a right."}
	Mistakes = &Metric{Name: "setup.mistakes", Labels: []string{"kind"},
		Help: "Mistakes found in the set-up, such as a limited route that no router has. The log has the details."}
	Running = &Metric{Name: "listener.running", Labels: []string{"store"}, Gauge: true,
		Help: "1 while the Run of a store is running."}
	Subscribed = &Metric{Name: "listener.subscribed", Labels: []string{"store"}, Gauge: true,
		Help: "1 while a store hears of the changes of other processes."}
	SubscribedSince = &Metric{Name: "listener.subscribed_since_timestamp", Unit: "s", Labels: []string{"store"}, Gauge: true,
		Help: "Unix time when a store subscribed to changes. It is absent without a subscription."}
	LastChange = &Metric{Name: "listener.last_change_timestamp", Unit: "s", Labels: []string{"store"}, Gauge: true,
		Help: "Unix time when a store last heard of a change. It is absent before the first one."}
	Lost = &Metric{Name: "listener.lost", Labels: []string{"store"},
		Help: "Subscriptions to changes that broke."}
	SubscribeFailed = &Metric{Name: "listener.failed", Labels: []string{"store"},
		Help: "Attempts to subscribe to changes that failed."}
	SubscribeDenied = &Metric{Name: "listener.denied", Labels: []string{"store"},
		Help: "Subscriptions and attempts to subscribe that the server of a store denied. They are among the lost and failed ones."}
)

// The gauges of stores.
var (
	Subjects = &Metric{Name: "memory.subjects", Gauge: true,
		Help: "Subjects that have a state in a store in memory."}
	Calls = &Metric{Name: "store.calls_in_flight", Labels: []string{"kind"}, Gauge: true,
		Help: "Calls of a store in flight, such as Redis: those that charge, and those that read. A call may have many charges."}
	CallsWaiting = &Metric{Name: "store.calls_waiting", Labels: []string{"kind"}, Gauge: true,
		Help: "Charges and reads that wait for a call of a store."}
	LeasedSubjects = &Metric{Name: "lease.subjects", Gauge: true,
		Help: "Subjects of which units are leased, or may be."}
	LeaseFailing = &Metric{Name: "lease.failing", Gauge: true,
		Help: "1 while the settlement of leases fails."}
)

// The metrics of an alert.Observer.
var (
	AlertEvents = &Metric{Name: "alert.events", Labels: []string{"state"},
		Help: "Alerts by what became of them: fired, delivered, dropped because the queue was full, untracked because too many windows were remembered, or idle because no Run was running."}
	AlertQueued = &Metric{Name: "alert.queued", Gauge: true,
		Help: "Alerts that wait for delivery."}
	AlertRunning = &Metric{Name: "alert.running", Gauge: true,
		Help: "1 while a Run delivers alerts."}
)

// The counters of the admin page.
var FailedLogins = &Metric{Name: "admin.failed_logins", Labels: []string{"result"},
	Help: "Logins to the admin page that failed: result wrong, or refused because the client had failed too often."}

// Metrics lists all metrics.
func Metrics() []*Metric {
	return []*Metric{
		Decisions, Repeated, Peeks, Further, Refusals, WouldRefuse, Charged, Returned, Corrections, KeyReads, StaleKeys,
		CachedKeys, RefusedSecrets, Lookups, LookupsWaiting, OldestKey, Outage, OutageTime, Outages, OutageDecisions, Denied, Mistakes,
		Running, Subscribed, SubscribedSince, LastChange, Lost, SubscribeFailed, SubscribeDenied,
		Subjects, Calls, CallsWaiting, LeasedSubjects, LeaseFailing,
		AlertEvents, AlertQueued, AlertRunning, FailedLogins,
	}
}

// A Histogram is a distribution of durations, in seconds. The decisions that are timed
// are those of gate.Decided.
type Histogram struct {
	Name, Help string
	Labels     []string
}

// The histograms.
var (
	DecisionTime = Histogram{Name: "decision.duration", Labels: []string{"cached"},
		Help: "Duration of the decisions and peeks that are timed: with cached true nothing was read. Decisions in local memory are timed one in 64."}
	StoreTime = Histogram{Name: "store.duration",
		Help: "The part of a timed decision that its counter took."}
)

// Buckets returns the upper bounds of the buckets of a Histogram in seconds: from 100ns
// to 1s, three for each power of ten.
func Buckets() []float64 {
	return []float64{
		100e-9, 250e-9, 500e-9, 1e-6, 2.5e-6, 5e-6, 10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6,
		1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1,
	}
}
