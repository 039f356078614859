package gate

import (
	"context"
	"time"

	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A usageReader fills in a Usage.
type usageReader struct {
	*Gate
	usage *Usage
	query *UsageQuery
	costs *usageplan.Costs
}

// forecastWindows is how many windows of a quota a forecast goes by, whatever a query
// asks to see.
const forecastWindows = 8

// payer returns what one payer has used. levels are those of the limits of m.
func (r *usageReader) payer(ctx context.Context, p Payer, plan *usageplan.Plan, subject string, m *meters, levels []store.Level) (PayerUsage, error) {
	u := PayerUsage{Payer: p}
	if plan != nil {
		u.PlanID = plan.ID
	}
	for i, limit := range m.limits {
		l := LimitUsage{Level: Level{p, plan, limit, levels[i]}}
		l.Wait = waitOf(&m.list[i], r.amount(m, i), &levels[i])
		u.Limits = append(u.Limits, l)
	}
	past := r.pastOf(m)
	return u, r.readPast(ctx, subject, past, &u)
}

// amount returns how much the request as asked is charged of the i-th meter.
func (r *usageReader) amount(m *meters, i int) int64 {
	if unit := m.units[i]; unit > 0 {
		return r.costs[unit-1]
	}
	return r.query.Requests
}

// waitOf returns how long until m, which stands at l, admits n units, and 0 if it admits
// them now.
func waitOf(m *store.Meter, n int64, l *store.Level) time.Duration {
	if n <= l.Remaining() {
		return 0
	}
	return waitFor(m, n, l)
}

// A past lists the windows that are read of one payer: those of each quota, the latest
// first, and then those of each usage record.
type past struct {
	meters  []store.Meter
	windows int           // of each quota
	days    int           // of each record
	quotas  []quota.Quota // the limits from first on
	first   int
}

// pastOf returns the windows to read of a payer with the meters m.
func (r *usageReader) pastOf(m *meters) *past {
	p := &past{windows: max(r.query.Windows, forecastWindows), days: r.query.Days, first: m.throttles}
	for _, s := range m.sets {
		for _, q := range s.quotas {
			p.quotas = append(p.quotas, q)
			p.add(p.windows, r.usage.At, func(at time.Time) store.Meter { return q.Meter(at, 0) })
		}
	}
	for i := range 1 + len(r.cfg.Units) {
		name := quota.RecordName
		if i > 0 {
			name = metername.RecordPrefix + r.cfg.Units[i-1].Name
		}
		p.meters = append(p.meters, recordsBack(name, r.usage.At, p.days)...)
	}
	return p
}

// add adds the last n windows at an instant, the latest first.
func (p *past) add(n int, at time.Time, window func(time.Time) store.Meter) {
	for range n {
		m := window(at)
		p.meters = append(p.meters, m)
		at = time.Unix(m.Start, 0).Add(-time.Nanosecond)
	}
}

// readPast reads the windows of past, and fills in what u has of them.
func (r *usageReader) readPast(ctx context.Context, subject string, past *past, u *PayerUsage) error {
	n := len(past.meters)
	if n == 0 {
		return nil
	}
	subjects := []string{subject}
	// If there is no count of leased units, the second half stays zero.
	levels := make([]store.Level, 2*n)
	err := followMoves(subjects, func() error {
		both := subjects[:1:1]
		if count, ok := store.LeasedSubject(subjects[0]); ok {
			both = append(both, count)
		}
		return store.Peek(ctx, r.counter, r.usage.At, both, past.meters, levels, nil)
	})
	if err != nil {
		return err
	}
	used, leased := levels[:n], levels[n:]
	for i := range past.quotas {
		at := i * past.windows
		r.setWindows(&u.Limits[past.first+i], past, i, used[at:at+past.windows], leased[at:at+past.windows])
	}
	r.setDays(u, past, used[len(past.quotas)*past.windows:])
	return nil
}

// setWindows sets what a LimitUsage has of its windows. The levels are of the i-th quota,
// the latest first. The current window is the one that was decided by, so that the
// figures of one answer agree.
func (r *usageReader) setWindows(l *LimitUsage, past *past, i int, used, leased []store.Level) {
	zone := past.quotas[i].Location
	if zone == nil {
		zone = time.UTC
	}
	used[0] = l.Level.Level
	windows := make([]quota.Usage, past.windows)
	for j := range windows {
		m := &past.meters[i*past.windows+j]
		windows[past.windows-1-j] = quota.Usage{
			Start:     time.Unix(m.Start, 0).In(zone),
			End:       time.Unix(m.End, 0).In(zone),
			Used:      used[j].Used,
			Limit:     used[j].Max,
			Remaining: used[j].Remaining(),
			Leased:    min(leased[j].Used, used[j].Used),
		}
	}
	l.Leased = windows[past.windows-1].Leased
	l.Forecast = quota.Forecast(r.usage.At, windows[past.windows-forecastWindows:]...)
	if shown := r.query.Windows; shown > 0 {
		l.Windows = windows[past.windows-shown:]
	}
}

// setDays sets the Days of u. The levels are those of each usage record, the latest
// first.
func (r *usageReader) setDays(u *PayerUsage, past *past, used []store.Level) {
	n := past.days
	if n == 0 {
		return
	}
	records := past.meters[len(past.meters)-len(used):]
	u.Days = make([]DayUsage, n)
	for j := range n {
		day := DayUsage{
			Start:    time.Unix(records[j].Start, 0).UTC(),
			End:      time.Unix(records[j].End, 0).UTC(),
			Requests: used[j].Used,
		}
		for unit := range r.cfg.Units {
			day.Costs[unit] = used[(1+unit)*n+j].Used
		}
		u.Days[n-1-j] = day
	}
}
