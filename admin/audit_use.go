package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

const (
	// auditStep is how many keys an audit reads at a time, and auditDays is for how many
	// days it looks at their quotas.
	auditStep = 500
	auditDays = 30

	// A window counts as full from fullPercent on, because a request that costs more than
	// one unit may not fit the rest. A quota is always hit if it was full in hitPercent of
	// the windows in which the key was used, and in some windows at least: see minFull.
	fullPercent = 99
	hitPercent  = 50

	// A quota of a plan is never reached if no key has used farPercent of it in any window.
	// A plan that is younger than auditDays is left out, since its keys are new.
	farPercent = 10

	// unusedDays is after how many days without use a key is reported.
	unusedDays = 90
)

// minFull is how many windows of a period must have been full, in auditDays. Quotas of
// other periods are not judged: the last minutes say little about a month, and a year is
// never over within it.
var minFull = map[quota.Period]int{quota.Day: 3, quota.Week: 2, quota.Month: 1}

// A useAudit looks at what all keys have used.
type useAudit struct {
	keys   int
	now    time.Time
	hit    finding
	unused finding
	due    dueAudit
	format apikey.Format // of the Gate
	forms  finding
	far    map[planQuota]*reach
}

// A planQuota is one quota of a plan.
type planQuota struct{ planID, name string }

// A reach says how far the keys of a plan have used one of its quotas.
type reach struct {
	quota quota.Quota
	keys  int   // that have used any of it
	most  int64 // that one key has used in one window
}

// auditUse reads what all keys have used.
func (h *Handler) auditUse(ctx context.Context, now time.Time) (*useAudit, error) {
	a := &useAudit{now: now, due: newDueAudit(h.cfg.SecretAge), format: h.gate.KeyFormat(), forms: formFinding(), far: map[planQuota]*reach{}, hit: finding{
		Title: "Limits that are always hit",
		Why: fmt.Sprintf("In the last %d days, the quota was used up in at least half of the windows in which the key was used: on 3 days, in 2 weeks or in a month at least. "+
			"Extend it, or move the key to a larger plan.", auditDays),
	}}
	for cursor := ""; ; {
		keys, next, err := h.keys.List(ctx, apikey.Filter{}, cursor, auditStep)
		if err != nil {
			return nil, err
		}
		ids := make([]string, len(keys))
		for i := range keys {
			ids[i] = keys[i].ID
		}
		reports, err := h.gate.KeyReports(ctx, ids, gate.Span{Days: 1, Windows: auditDays + 1, Back: auditDays * 24 * time.Hour})
		if err != nil {
			return nil, err
		}
		for i := range reports {
			a.add(&reports[i])
		}
		if cursor = next; next == "" {
			break
		}
	}
	var err error
	a.unused, err = h.auditUnused(ctx)
	return a, err
}

// auditUnused finds the keys that were not used for long.
func (h *Handler) auditUnused(ctx context.Context) (finding, error) {
	f := finding{
		Title: fmt.Sprintf("Keys unused for %d days", unusedDays),
		Why:   "They are enabled, older than that, and no request was admitted. A key that nobody needs can only leak.",
	}
	for use, err := range h.gate.Unused(ctx, unusedDays*24*time.Hour) {
		if errors.Is(err, gate.ErrInvalid) { // the Gate keeps counts for a shorter time
			return f, nil
		}
		if err != nil {
			return f, err
		}
		f.add("key", use.KeyID, lastUsed(use.At, time.Now()))
	}
	return f, nil
}

// add looks at one key.
func (a *useAudit) add(r *gate.KeyReport) {
	a.keys++
	a.due.add(&r.Key, a.now)
	a.addForm(&r.Key)
	for i := range r.Quotas {
		q := &r.Quotas[i]
		least := minFull[q.Quota.Period]
		if q.Quota.Limit == 0 || len(q.Windows) == 0 || least == 0 {
			continue
		}
		if full, active := fullWindows(q.Windows); full >= least && full*100 >= active*hitPercent {
			a.hit.add("key", r.Key.ID, fmt.Sprintf("%s of %s: used up in %d of %s", q.Quota.NameOrPeriod(), q.PlanID, full, many(active, "window")))
		}
		if p := r.Plan(q.PlanID); p != nil && isOwn(p, &q.Quota) && a.now.Sub(p.Created) > auditDays*24*time.Hour {
			a.addReach(q)
		}
	}
}

// addReach notes how far a key has used a quota of its plan.
func (a *useAudit) addReach(q *gate.QuotaReport) {
	id := planQuota{q.PlanID, q.Quota.NameOrPeriod()}
	r := a.far[id]
	if r == nil {
		r = &reach{quota: q.Quota}
		a.far[id] = r
	}
	most := int64(0)
	for _, w := range q.Windows {
		most = max(most, w.Used)
	}
	if most > 0 {
		r.keys++
	}
	r.most = max(r.most, most)
}

// findings returns what was found.
func (a *useAudit) findings() []finding {
	far := finding{
		Title: "Limits that are never reached",
		Why: fmt.Sprintf("No key has used %d%% of a quota by the day, week or month in any window of the last %d days. A limit that protects nothing may be a mistake. "+
			"Plans that are younger are left out.", farPercent, auditDays),
	}
	ids := slices.SortedFunc(maps.Keys(a.far), func(x, y planQuota) int { return cmp.Or(cmp.Compare(x.planID, y.planID), cmp.Compare(x.name, y.name)) })
	for _, id := range ids {
		if r := a.far[id]; r.keys > 0 && percent(r.most, r.quota.Limit) < farPercent {
			far.add("plan", id.planID, fmt.Sprintf("%s: the busiest of %s used %s", r.quota, many(r.keys, "key"), share(r.most, r.quota.Limit)))
		}
	}
	return []finding{a.forms, a.hit, far, a.unused, a.due.secrets, a.due.expiries}
}

// fullWindows returns in how many windows a quota was used up, and in how many it was
// used at all. A window that was extended counts by what was allowed in the end.
func fullWindows(windows []quota.Usage) (full, active int) {
	for _, w := range windows {
		if w.Used == 0 {
			continue
		}
		active++
		if percent(w.Used, w.Limit) >= fullPercent {
			full++
		}
	}
	return full, active
}

// isOwn reports whether a quota is one of the plan's own, and not one of a link.
func isOwn(p *usageplan.Plan, q *quota.Quota) bool {
	return slices.ContainsFunc(p.Quotas, func(own quota.Quota) bool { return own.String() == q.String() })
}
