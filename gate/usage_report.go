package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Usage says where all limits stand that a request of a key meets, and what was used
// before.
type Usage struct {
	// At is the time of the report. Durations count from it.
	At time.Time

	// Outcome is what Peek decided. If its Reason says that the key may not be used, the
	// Usage has nothing else. So it has with Config.InsecureAllowNoPlan for a key that is
	// not counted.
	Outcome Outcome

	// Key is what the key has used by its own plan. Groups has the groups above the key, the
	// key's own group first.
	Key    PayerUsage
	Groups []PayerUsage

	// Fit says when a request as asked is admitted.
	Fit Fit
}

// A PayerUsage is what a key or a group has used.
type PayerUsage struct {
	Payer  Payer
	PlanID string // empty without a plan
	Limits []LimitUsage
	Days   []DayUsage // oldest first; UsageQuery.Days of them
}

// A LimitUsage says where one throttle or quota stands. Its Level has the Wait of a
// request as asked, as Fit has it for all limits.
type LimitUsage struct {
	Level

	// Leased is how many units of Used other processes have leased, and are not known to
	// have spent: see quota.Usage.
	Leased int64

	// Windows has the last windows of a quota, oldest first. The last one is the current
	// window. There are UsageQuery.Windows of them.
	Windows []quota.Usage

	// Forecast says how the use of a quota goes on.
	Forecast quota.Projection
}

// A DayUsage is what was used on one day in UTC, [Start, End). Costs are in the order of
// Config.Units.
type DayUsage struct {
	Start, End time.Time
	Requests   int64
	Costs      usageplan.Costs
}

// A UsageQuery says what a Usage reports beside the limits.
type UsageQuery struct {
	// Windows is how many windows of each quota are reported, with the current one. Days is
	// how many days are. Both are at most quota.MaxWindows. By default there are none.
	Windows, Days int

	// Requests is for how many requests at once Fit and Wait are computed. Together they use
	// the Costs of the Request. The default is 1.
	Requests int64
}

// faults returns what is wrong with q.
func (q *UsageQuery) faults() (errs []error) {
	for _, f := range []struct {
		field string
		n     int
	}{{"windows", q.Windows}, {"days", q.Days}} {
		if f.n != 0 {
			errs = append(errs, windowsFault(f.field, f.n))
		}
	}
	if q.Requests < 0 || q.Requests > store.MaxUnits {
		errs = append(errs, fmt.Errorf("requests: %d: want 0 to 2^53-1", q.Requests))
	}
	return errs
}

// Usage returns where the limits stand that a request would meet: those of the key and of
// all groups above it. They are the levels that the next decision goes by. Usage charges
// nothing, and also reports when limits are used up. It has no limits of other keys, and
// no throttle that all clients share.
//
// If the Counter fails, Usage returns the error, whatever the failure policy is. If q or
// req breaks a rule, the error wraps ErrInvalid.
//
// Usage makes one call of the Counter for the decision, and one for each payer.
func (g *Gate) Usage(ctx context.Context, req Request, q UsageQuery) (Usage, error) {
	if err := fault.Report(ErrInvalid, "report", q.faults()...); err != nil {
		return Usage{}, err
	}
	q.Requests = max(q.Requests, 1)
	if req.At.IsZero() {
		req.At = time.Now()
	}
	req.At = req.At.Truncate(time.Microsecond) // as Counters do, so At plus a wait is exact
	d, err := g.Peek(ctx, req)
	u := Usage{At: req.At, Outcome: d.Outcome}
	if err != nil {
		return u, err
	}
	if d.binding == nil { // refused, or admitted without a count
		u.Fit.Now = d.Allowed
		return u, nil
	}
	r := usageReader{g, &u, &q, &req.Costs}
	u.Key, err = r.payer(ctx, Payer{PayerKey, d.Key.ID}, d.Plan, d.binding.subject, d.meters, d.levels())
	for l := d.groups; l != nil && err == nil; l = l.above {
		var group PayerUsage
		n := l.node
		group, err = r.payer(ctx, Payer{PayerGroup, n.group.ID}, n.allowance.plan, n.subject, l.meters, l.levels())
		group.PlanID = n.group.PlanID
		u.Groups = append(u.Groups, group)
	}
	if err != nil {
		return u, fmt.Errorf("gate: usage of key %s: %w", d.Key.ID, err)
	}
	u.Fit = r.fit(&d)
	return u, nil
}

// levels returns a copy of the levels of the key's limits.
func (o *Outcome) levels() []store.Level {
	all := make([]store.Level, len(o.Limits()))
	for i := range all {
		all[i] = o.Level(i)
	}
	return all
}
