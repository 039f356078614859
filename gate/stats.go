package gate

import (
	"time"

	"github.com/ration-go/ration/usageplan"
)

// Stats says what a Gate has in memory, and how its stores do.
type Stats struct {
	// CachedKeys is how many entries the cache of usable keys has. A key has one for each of
	// its secrets that was used, and one for its ID. RefusedSecrets is how many refused
	// secrets and IDs are remembered. Config.MaxKeys and Config.MaxUnknown bound them.
	CachedKeys, RefusedSecrets int

	// Lookups is how many look-ups of keys are in flight: see Config.MaxReads. Waiting is
	// how many cached keys wait to begin one.
	Lookups, Waiting int

	// KeyOutage is about the stores of keys and plans. Its Decisions are those that used a
	// key older than Config.MaxAge.
	KeyOutage Outage

	// OldestKey is the greatest age of a key that was used in the KeyOutage. It is zero if
	// there is no such outage.
	OldestKey time.Duration

	// CounterOutage is about the Counter. Its Decisions are those that are Degraded.
	CounterOutage Outage

	// Listeners has the stores that tell of the changes of other processes. It is empty if
	// there are none.
	Listeners []ListenerStats

	// Mistakes has how often each kind of Mistake was found in the set-up of this Gate and
	// of what stands before it. The Logger is told of most of them only once, so a count
	// above 0 is worth an alert.
	Mistakes []MistakeCount
}

// An Outage says whether a store fails.
//
// An outage begins with a failure. It ends with the first success that no failure follows
// within 5s. So a store that fails now and then is in one outage, and fills no log.
type Outage struct {
	// Failing reports that the store failed when it was last asked.
	Failing bool

	// Since is when the outage began. It is zero if there is none.
	Since time.Time

	// Decisions is how many decisions the outage has affected so far. It is 0 if there is
	// no outage.
	Decisions int64

	// Outages and AllDecisions count since the Gate was made. Both only grow.
	Outages, AllDecisions int64

	// Denied is how many calls failed because the server of the store denied the credential
	// of this process, or a right: see store.ErrDenied. It counts since the Gate was made,
	// and only grows. Look-ups of keys are tried again with a pause that grows.
	Denied int64
}

// ListenerStats is the state of one store that is a usageplan.Listener.
type ListenerStats struct {
	Store string // what the Gate reads from it: "keys", "plans", or "keys and plans"
	usageplan.ListenerState
}

// Stats returns what the Gate has in memory, and how its stores do. It takes the lock of
// the cache for a moment, so call it every few seconds and not for each request.
func (g *Gate) Stats() Stats {
	s := g.resolver.stats()
	s.CounterOutage = g.outage.outage()
	return s
}

// stats returns the Stats of keys and plans.
func (r *resolver) stats() Stats {
	s := Stats{KeyOutage: r.outage.outage(), OldestKey: r.outage.State().Longest, Mistakes: r.mistakes.list()}
	for _, c := range r.listenerChecks {
		s.Listeners = append(s.Listeners, ListenerStats{c.store, c.listener.ListenerState()})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.CachedKeys, s.RefusedSecrets = r.cache.live, len(r.refused)
	s.Lookups, s.Waiting = r.inFlight, r.waiting.Len()
	return s
}
