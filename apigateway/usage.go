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

// usageText is a Usage in an answer. Values has the keys' ids, and for each day of the
// span a pair: the requests of the day, and what remained of the quota's period after it.
// AWS does not document the pairs; live answers were published that have this form.
type usageText struct {
	UsagePlanID string               `json:"usagePlanId"`
	StartDate   string               `json:"startDate"`
	EndDate     string               `json:"endDate"`
	Position    string               `json:"position,omitzero"`
	Values      map[string][][]int64 `json:"values"`
}

const (
	date    = time.DateOnly
	maxDays = 366
	oneDay  = 24 * time.Hour

	// unlimited is what remains without a quota. It is the largest limit that an answer can
	// show.
	unlimited = maxFigure
)

// span is the first and the last day of a request, both included, as midnights in UTC.
type span struct{ start, end time.Time }

// spanOf returns the span of a query. The number of days is bounded, because the answer
// has a pair for each day of each key.
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

// getUsage serves GetUsage. A page is a number of keys. Without a limit the page has the
// maximum size, not AWS's default of 25: the aws command line does not merge the maps of
// several pages, and keeps only the first.
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

	// A key that is not in the plan gets an answer without values, not an error.
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

// link returns the link of a plan and a key, or none if they are not linked. A key has
// few links, so the one of the plan is searched among them.
func (h *Handler) link(ctx context.Context, planID, keyID string) ([]usageplan.Link, error) {
	links, err := h.plans.KeyLinks(ctx, keyID)
	return slices.DeleteFunc(links, func(l usageplan.Link) bool { return l.PlanID != planID }), err
}

// updateUsage serves UpdateUsage. It sets what remains of the quota's current window. The
// next window starts with the whole limit again, as AWS documents. The last operation
// counts; a request without operations changes nothing.
func (h *Handler) updateUsage(r *http.Request) (int, any, error) {
	ctx, planID := r.Context(), r.PathValue("plan")
	ops, err := readPatch(r)
	if err != nil {
		return 0, nil, err
	}
	remaining, err := remainingOf(ops)
	if err != nil {
		return 0, nil, err
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
		err := h.gate.SetRemaining(ctx, planID, links[0].KeyID, q.NameOrPeriod(), remaining)
		if errors.Is(err, usageplan.ErrNotFound) { // the key's group, as all else was found
			return 0, nil, notFound("%s", plain(err))
		}
		if err != nil {
			return 0, nil, err
		}
	}

	// The answer is a Usage in AWS, too. Its documentation's example shows the current day.
	today := time.Now().UTC().Truncate(oneDay)
	out, err := h.usage(ctx, &p, links, span{today, today})
	return http.StatusOK, out, err
}

// usagePatches is the one path that AWS documents for UpdateUsage.
var usagePatches = patches{"replace": {"/remaining"}}

// remainingOf returns the number that the last operation sets, or -1 if there is none.
func remainingOf(ops []patchOp) (remaining int64, err error) {
	remaining = -1
	for _, op := range ops {
		if err := usagePatches.allow(op, op.Path); err != nil {
			return 0, err
		}
		if remaining, err = strconv.ParseInt(op.Value, 10, 64); err != nil || remaining < 0 {
			return 0, badRequest("Usage remaining must be a non-negative integer")
		}
	}
	return remaining, nil
}

// quotaFor returns the quota that answers show for a link. A link's own quotas replace
// those of the plan.
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

// usage returns the usage of all keys of the links.
func (h *Handler) usage(ctx context.Context, p *usageplan.Plan, links []usageplan.Link, days span) (usageText, error) {
	out := usageText{UsagePlanID: p.ID, StartDate: days.start.Format(date), EndDate: days.end.Format(date), Values: map[string][][]int64{}}
	for i := range links {
		values, err := h.usageOf(ctx, p, &links[i], days)
		if errors.Is(err, usageplan.ErrNotFound) {
			continue // the key was unlinked after the links were read
		}
		if err != nil {
			return usageText{}, err
		}
		out.Values[links[i].KeyID] = values
	}
	return out, nil
}

// usageOf returns the pairs of one key.
//
// What remains is read from the quota's windows, since the Gate enforces those. The sum
// of the days' uses can differ, because a window may have begun later than the first of
// the days. On the last day of a window, or today, the number is what the window has
// left. On each earlier day it is the number of the next day plus what the key used on
// that next day. So the loop runs backwards.
func (h *Handler) usageOf(ctx context.Context, p *usageplan.Plan, l *usageplan.Link, days span) ([][]int64, error) {
	// One reading of the clock decides which day is today for all that follows.
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
	// The loop may begin after the span: what remained on the span's last day depends on the
	// days that its window had after it.
	values := make([][]int64, int(days.end.Sub(days.start)/oneDay)+1)
	last := c.last(days.end)
	var later quota.Usage // the window of the next day
	for day := last; !day.Before(days.start); day = day.Add(-oneDay) {
		w := windows(day) // a copy, whose Remaining may change
		if day.Before(last) && w.Start.Equal(later.Start) {
			// An UpdateUsage may have raised what remains, so the sum can exceed the limit.
			w.Remaining = min(later.Remaining+used[day.Add(oneDay).Unix()], w.Limit)
		}
		if !day.After(days.end) {
			values[int(day.Sub(days.start)/oneDay)] = []int64{used[day.Unix()], w.Remaining}
		}
		later = w
	}
	return values, nil
}

// days returns what the key used on each day since from. The map's keys are the days'
// starts in Unix seconds. It asks for days up to today even if the span ends earlier:
// what remained on a past day follows from what was used after it.
func (h *Handler) days(ctx context.Context, l *usageplan.Link, from, now time.Time) (map[int64]int64, error) {
	used := map[int64]int64{}
	// A span in the future has no days yet, and the Gate refuses a number below 1.
	n := int(now.Truncate(oneDay).Sub(from)/oneDay) + 1
	if n < 1 {
		return used, nil
	}
	list, err := h.gate.UsageByDay(ctx, l.PlanID, l.KeyID, usageplan.Requests, min(n, maxDays))
	for _, day := range list {
		used[day.Start.Unix()] = day.Used
	}
	return used, err
}

// windows returns a function that finds the window of a day since from. A window that the
// Gate does not know has nothing used. Without a quota everything remains.
//
// What gates have leased and not spent remains: the client can still use it, and it is
// not among the uses of a day either. See package lease.
func (h *Handler) windows(ctx context.Context, l *usageplan.Link, c *calendar, from time.Time) (func(day time.Time) quota.Usage, error) {
	if !c.limited {
		return func(time.Time) quota.Usage { return quota.Usage{Limit: unlimited, Remaining: unlimited} }, nil
	}
	list, err := h.gate.UsageByWindow(ctx, l.PlanID, l.KeyID, c.quota.NameOrPeriod(), c.count(from))
	known := map[int64]quota.Usage{}
	for _, w := range list {
		w.Remaining = min(w.Remaining+w.Leased, w.Limit)
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
