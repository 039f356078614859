package middleware

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// body returns the body of an answer.
func (u *ownUsage) body(usage *gate.Usage, q *usageQuery) *usageBody {
	b := &usageBody{
		Version: usageVersion,
		At:      usage.At.UTC(),
		KeyID:   usage.Outcome.Key.ID,
		Limits:  u.limits(&usage.Key, usage.At, q),
		Days:    u.days(usage.Key.Days),
	}
	if q.asksCost {
		b.Cost = &usageCost{u.byUnit(max(q.Requests, 1), q.costs), fitOf(usage.Fit)}
	}
	if !u.Middleware.cfg.ShowGroups {
		return b
	}
	for i := range usage.Groups {
		g := &usage.Groups[i]
		b.Groups = append(b.Groups, usageGroup{ID: g.Payer.ID, Limits: u.limits(g, usage.At, q), Days: u.days(g.Days)})
	}
	return b
}

// limits returns the limits of a payer that clients see.
func (u *ownUsage) limits(p *gate.PayerUsage, at time.Time, q *usageQuery) []usageLimit {
	limits := []usageLimit{} // an empty list, and not null
	for i := range p.Limits {
		if l := &p.Limits[i]; !l.Soft || u.cfg.ShowSoft {
			limits = append(limits, limitOf(l, at, q.asksCost))
		}
	}
	return limits
}

// limitOf returns where a limit stands at a time.
func limitOf(l *gate.LimitUsage, at time.Time, asksCost bool) usageLimit {
	limit := usageLimit{
		Name:      policyName(&l.Limit),
		Kind:      "quota",
		Unit:      l.Unit,
		Soft:      l.Soft,
		Limit:     l.Max,
		Used:      l.Used,
		Leased:    l.Leased,
		Remaining: l.Remaining(),
		Start:     l.Start,
		Reset:     l.End,
	}
	if !l.IsQuota() {
		limit.Kind = "throttle"
		perSecond := float64(0)
		if l.Rate.Per > 0 {
			perSecond = rounded(float64(l.Rate.Tokens) * 1e6 / float64(l.Rate.Per))
		}
		limit.PerSecond = &perSecond
		limit.Reset = after(at, l.Reset)
	}
	if asksCost {
		fits := fitOf(gate.Fit{Now: l.Wait == 0, At: after(at, l.Wait)})
		limit.Fits = &fits
	}
	if l.IsQuota() {
		limit.Forecast = forecastOf(&l.Forecast)
	}
	for i := range l.Windows {
		limit.Windows = append(limit.Windows, windowOf(&l.Windows[i]))
	}
	return limit
}

// forecastOf returns a forecast, rounded: an estimate has no more digits. The time is
// rounded down, so a quota that is used up is not said to be used up later.
func forecastOf(p *quota.Projection) *usageForecast {
	return &usageForecast{rounded(p.PerSecond), p.AtEnd, p.UsedUp.UTC().Truncate(time.Second)}
}

// rounded returns f with six digits.
func rounded(f float64) float64 {
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 6, 64), 64) // reads what was just written
	return f
}

// windowOf returns what was used in a window.
func windowOf(w *quota.Usage) usageWindow {
	return usageWindow{w.Start.UTC(), w.End.UTC(), w.Limit, w.Used, w.Leased, w.Remaining}
}

// after returns the time after a wait, or zero if it is store.Never.
func after(at time.Time, wait time.Duration) time.Time {
	if wait == store.Never {
		return time.Time{}
	}
	return at.Add(wait).UTC()
}

// fitOf returns a Fit as clients see it.
func fitOf(f gate.Fit) usageFit {
	if f.Now {
		return usageFit{Now: true}
	}
	return usageFit{At: f.At.UTC(), Never: f.At.IsZero()}
}

// days returns the usage by day as clients see it.
func (u *ownUsage) days(days []gate.DayUsage) (all []usageDay) {
	for _, d := range days {
		all = append(all, usageDay{d.Start, d.End, u.byUnit(d.Requests, d.Costs)})
	}
	return all
}

// byUnit returns amounts by the name of their unit.
func (u *ownUsage) byUnit(requests int64, costs usageplan.Costs) map[string]int64 {
	amounts := map[string]int64{usageplan.Requests: requests}
	for i, unit := range u.gate.Units() {
		amounts[unit.Name] = costs[i]
	}
	return amounts
}

// writeUsage answers with a body. No cache keeps the answer.
func writeUsage(w http.ResponseWriter, r *http.Request, b *usageBody) {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		// A forecast could only be no number by a mistake of this package.
		http.Error(w, "usage: "+err.Error(), http.StatusInternalServerError)
		return
	}
	text = append(text, '\n')
	h := w.Header()
	refusal.NoStore(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // the client may be gone
	}
}
