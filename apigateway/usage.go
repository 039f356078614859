package apigateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// usageText is a Usage on the wire: of each key and day what was used, and what remained
// of the quota's period after it.
type usageText struct {
	UsagePlanID string               `json:"usagePlanId"`
	StartDate   string               `json:"startDate"`
	EndDate     string               `json:"endDate"`
	Position    string               `json:"position,omitzero"`
	Values      map[string][][]int64 `json:"values"`
}

const (
	date      = time.DateOnly
	maxDays   = 366
	unlimited = 1<<31 - 1 // what remains where there is no quota: the most that a limit can be on the wire
	oneDay    = 24 * time.Hour
)

// span is the days of a request, both included, at their midnights in UTC.
type span struct{ start, end time.Time }

func spanOf(query url.Values) (s span, err error) {
	for name, day := range map[string]*time.Time{"startDate": &s.start, "endDate": &s.end} {
		if *day, err = time.Parse(date, query.Get(name)); err != nil {
			return s, badRequest("Invalid %s specified. Must be of the form YYYY-MM-DD", name)
		}
	}
	switch days := int(s.end.Sub(s.start)/oneDay) + 1; {
	case days < 1:
		return s, badRequest("Usage end date must be after start date")
	case days > maxDays:
		return s, badRequest("Usage dates must span at most %d days", maxDays)
	}
	return s, nil
}

// getUsage is GetUsage. A page is of keys, and large where the client does not say: the
// aws command line keeps the first page's only.
func (h *Handler) getUsage(r *http.Request) (int, any, error) {
	ctx, query, planID := r.Context(), r.URL.Query(), r.PathValue("plan")
	days, err := spanOf(query)
	if err != nil {
		return 0, nil, err
	}
	p, err := h.plans.Get(ctx, planID)
	if err != nil {
		return 0, nil, err
	}
	if query.Get("limit") == "" {
		query.Set("limit", strconv.Itoa(maxLimit))
	}
	links, err := collect(query, func(cursor string, limit int) ([]usageplan.Link, string, error) {
		if keyID := query.Get("keyId"); keyID != "" {
			l, err := h.link(ctx, planID, keyID)
			return l, "", err
		}
		return h.plans.Links(ctx, planID, cursor, limit)
	}, func(l *usageplan.Link) (usageplan.Link, bool, error) { return *l, true, nil })
	if err != nil {
		return 0, nil, err
	}
	out, err := h.usage(ctx, &p, links.Item, days)
	out.Position = links.Position
	return http.StatusOK, out, err
}

// link is the one of a plan and a key; none if they are not linked.
func (h *Handler) link(ctx context.Context, planID, keyID string) ([]usageplan.Link, error) {
	links, err := h.plans.KeyLinks(ctx, keyID)
	return slices.DeleteFunc(links, func(l usageplan.Link) bool { return l.PlanID != planID }), err
}

// updateUsage is UpdateUsage: it makes what remains of the current window another.
func (h *Handler) updateUsage(r *http.Request) (int, any, error) {
	ctx, planID := r.Context(), r.PathValue("plan")
	ops, err := readPatch(r)
	if err != nil {
		return 0, nil, err
	}
	remaining := int64(-1)
	for _, op := range ops {
		if err := (patches{"replace": {"/remaining"}}).allow(op, op.Path); err != nil {
			return 0, nil, err
		}
		if remaining, err = strconv.ParseInt(op.Value, 10, 64); err != nil || remaining < 0 {
			return 0, nil, badRequest("Usage remaining must be a non-negative integer")
		}
	}
	p, err := h.plans.Get(ctx, planID)
	if err != nil {
		return 0, nil, err
	}
	links, err := h.link(ctx, planID, r.PathValue("key"))
	if err == nil && len(links) == 0 {
		err = errNoKey
	}
	if err != nil {
		return 0, nil, err
	}
	q, ok := quotaFor(&p, &links[0])
	if !ok {
		return 0, nil, badRequest("Usage Plan %s has no quota", planID)
	}
	if remaining >= 0 {
		if err := h.gate.SetRemaining(ctx, planID, links[0].KeyID, nameOf(q), remaining); err != nil {
			return 0, nil, err
		}
	}
	today := time.Now().UTC().Truncate(oneDay)
	out, err := h.usage(ctx, &p, links, span{today, today})
	return http.StatusOK, out, err
}

// quotaFor is the quota that the wire shows of a link.
func quotaFor(p *usageplan.Plan, l *usageplan.Link) (quota.Quota, bool) {
	of := usageplan.Plan{Quotas: p.Quotas}
	if l.Quotas != nil {
		of.Quotas = l.Quotas
	}
	if i := quotaAt(&of); i >= 0 {
		return of.Quotas[i], true
	}
	return quota.Quota{}, false
}

// nameOf is the name by which the Gate knows a quota.
func nameOf(q quota.Quota) string { return q.Meter(time.Unix(0, 0), 0).Name }

func (h *Handler) usage(ctx context.Context, p *usageplan.Plan, links []usageplan.Link, days span) (usageText, error) {
	out := usageText{UsagePlanID: p.ID, StartDate: days.start.Format(date), EndDate: days.end.Format(date), Values: map[string][][]int64{}}
	for i := range links {
		values, err := h.usageOf(ctx, p, &links[i], days)
		if errors.Is(err, usageplan.ErrNotFound) {
			continue // unlinked since
		}
		if err != nil {
			return usageText{}, err
		}
		out.Values[links[i].KeyID] = values
	}
	return out, nil
}

// usageOf is a key's pairs. What remains is taken from the quota's windows, which are
// what is enforced, and not from the days: a window may be younger than the quota's first
// day, or others may pay from it too. It is what a window has left on its last day, or
// today; on a day before, that and what the key has used since.
func (h *Handler) usageOf(ctx context.Context, p *usageplan.Plan, l *usageplan.Link, days span) ([][]int64, error) {
	c := calendar{now: time.Now().UTC()}
	c.quota, c.limited = quotaFor(p, l)
	used, err := h.days(ctx, l, days.start, c.now)
	if err != nil {
		return nil, err
	}
	windows, err := h.windows(ctx, l, &c, days.start)
	if err != nil {
		return nil, err
	}
	values := make([][]int64, int(days.end.Sub(days.start)/oneDay)+1)
	last := c.last(days.end)
	var later quota.Usage // the window of the day after
	for day := last; !day.Before(days.start); day = day.Add(-oneDay) {
		w := windows(day)
		if day.Before(last) && w.Start.Equal(later.Start) {
			w.Remaining = min(later.Remaining+used[day.Add(oneDay).Unix()], w.Limit)
		}
		if !day.After(days.end) {
			values[int(day.Sub(days.start)/oneDay)] = []int64{used[day.Unix()], w.Remaining}
		}
		later = w
	}
	return values, nil
}

// days is what was used on each day from a day on, by the second that it begins.
func (h *Handler) days(ctx context.Context, l *usageplan.Link, from, now time.Time) (map[int64]int64, error) {
	used := map[int64]int64{}
	n := int(now.Truncate(oneDay).Sub(from)/oneDay) + 1
	if n < 1 {
		return used, nil
	}
	list, err := h.gate.UsageByDay(ctx, l.PlanID, l.KeyID, min(n, maxDays))
	for _, day := range list {
		used[day.Start.Unix()] = day.Used
	}
	return used, err
}

// windows gives the window of each day from a day on. Of one that the Gate does not know
// nothing is used.
func (h *Handler) windows(ctx context.Context, l *usageplan.Link, c *calendar, from time.Time) (func(day time.Time) quota.Usage, error) {
	if !c.limited {
		return func(time.Time) quota.Usage { return quota.Usage{Limit: unlimited, Remaining: unlimited} }, nil
	}
	list, err := h.gate.UsageByWindow(ctx, l.PlanID, l.KeyID, nameOf(c.quota), c.count(from))
	known := map[int64]quota.Usage{}
	for _, w := range list {
		known[w.Start.Unix()] = w
	}
	return func(day time.Time) quota.Usage {
		start := c.window(day)
		if w, ok := known[start.Unix()]; ok {
			return w
		}
		return quota.Usage{Start: start, Limit: c.quota.Limit, Remaining: c.quota.Limit}
	}, err
}
