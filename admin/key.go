package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// shownWindows is how many windows of a quota the pages of a key and a group show. Their
// forecasts go by the same 8 windows as those of gate.Gate.Usage.
const shownWindows = 8

// maxShown is how many plans, and how many quotas, the page of a key shows.
const maxShown = 100

// A keyPage is the page of a key.
type keyPage struct {
	Key       apikey.Key
	States    []state
	Retiring  bool // the previous secret is good still
	Use       keyUse
	Refused   string
	Err       bool // a group is missing, so the figures cannot be told
	Links     []linkView
	Groups    []groupView
	Quotas    []quotaView
	Throttles []throttleView
	Charts    []*chart
	Changes   recent
	Tags      []string
	Networks  []string
	Secret    string // since when the key has had it

	MoreLinks, MoreQuotas int // that are left out
}

// bound leaves out what makes the page too long.
func (p *keyPage) bound() {
	p.Links, p.MoreLinks = atMost(p.Links, maxShown)
	p.Quotas, p.MoreQuotas = atMost(p.Quotas, maxShown)
}

// atMost returns the first n of a list, and how many it leaves out.
func atMost[T any](list []T, n int) (first []T, more int) {
	n = min(n, len(list))
	return list[:n], len(list) - n
}

// A linkView is a link of a key to a plan.
type linkView struct {
	Link    usageplan.Link
	Plan    *usageplan.Plan // nil if it is missing
	Own     []string        // limits of the link instead of those of the plan
	Created string
}

// A groupView is a group above a key, with its quotas.
type groupView struct {
	Group  usageplan.Group
	Quotas []bar
}

// A quotaView is a quota with its last windows.
type quotaView struct {
	Bar     bar
	Text    string
	UsedUp  string // when it will be used up; empty if it lasts, or is used up already
	Windows []windowView
}

type windowView struct {
	Start       string
	Used, Limit int64
	Share       string
}

// A throttleView says where a token bucket stands.
type throttleView struct {
	Payer, Plan, Name, Rate string
	Soft                    bool
	Left, Max               int64
}

// showKey shows a key with all that is known about it.
func (h *Handler) showKey(r *http.Request) (*answer, error) {
	ctx, id := r.Context(), r.PathValue("key")
	report, err := h.keyReport(ctx, id, gate.Span{Days: chartDays, Windows: shownWindows, LastUse: true})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	p := keyPage{
		Key: report.Key, States: statesOf(report, now), Retiring: report.Key.RetiringUntil.After(now), Use: newKeyUse(&report.LastUse, now), Refused: h.counted().key(id), Err: report.Err != nil,
		Links: linkViews(&report.Access), Quotas: quotaViews(&report.Report, now), Tags: tagTexts(report.Key.Tags),
		Networks: networkTexts(report.Key.Networks), Secret: secretText(&report.Key),
	}
	p.bound()
	if p.Groups, err = h.groupsAbove(ctx, &report.Access); err != nil {
		return nil, err
	}
	if p.Charts, err = h.charts(report.Days, func(unit string) (days, error) { return h.gate.UsageByDay(ctx, "", id, unit, chartDays) }); err != nil {
		return nil, err
	}
	if p.Throttles, err = h.throttles(ctx, &report.Access); err != nil {
		return nil, err
	}
	p.Changes, err = h.recent(ctx, "key", id)
	return &answer{template: "key", title: nameOf(report.Key.Name, id), data: p}, err
}

// keyReport returns the report of one key.
func (h *Handler) keyReport(ctx context.Context, id string, span gate.Span) (*gate.KeyReport, error) {
	reports, err := h.gate.KeyReports(ctx, []string{id}, span)
	if err != nil {
		return nil, err
	}
	if len(reports) == 0 {
		return nil, apikey.ErrNotFound
	}
	return &reports[0], nil
}

// charts returns a chart of requests, and one of each declared unit.
func (h *Handler) charts(requests days, read func(unit string) (days, error)) (charts []*chart, err error) {
	if len(requests) == 0 {
		return nil, nil
	}
	charts = append(charts, newChart(requests, "", false))
	for _, unit := range h.gate.Units() {
		found, err := read(unit.Name)
		if err != nil {
			return nil, err
		}
		charts = append(charts, newChart(found, unit.Name, false))
	}
	return charts, nil
}

func linkViews(a *usageplan.Access) (views []linkView) {
	for _, l := range a.Links {
		views = append(views, linkView{Link: l, Plan: a.Plan(l.PlanID), Own: ownLimits(l.Throttle, l.Throttles, l.Quotas), Created: when(l.Created)})
	}
	return views
}

// groupsAbove returns the groups above a key, its own first.
func (h *Handler) groupsAbove(ctx context.Context, a *usageplan.Access) (views []groupView, err error) {
	ids := make([]string, len(a.Groups))
	for i := range a.Groups {
		ids[i] = a.Groups[i].ID
	}
	if len(ids) == 0 {
		return nil, nil
	}
	reports, err := h.gate.GroupReports(ctx, ids, gate.Span{Days: 1, Windows: 1})
	for i := range reports {
		views = append(views, groupView{reports[i].Lineage[0], newBars(&reports[i].Report)})
	}
	return views, err
}

func quotaViews(r *gate.Report, now time.Time) (views []quotaView) {
	for i := range r.Quotas {
		q := &r.Quotas[i]
		if len(q.Windows) == 0 {
			continue
		}
		v := quotaView{Bar: newBar(q), Text: q.Quota.String()}
		if at := quota.Forecast(now, q.Windows...).UsedUp; v.Bar.Left > 0 && !at.IsZero() {
			v.UsedUp = when(at)
		}
		for j := len(q.Windows) - 1; j >= 0; j-- {
			w := q.Windows[j]
			v.Windows = append(v.Windows, windowView{when(w.Start), w.Used, w.Limit, share(w.Used, w.Limit)})
		}
		views = append(views, v)
	}
	return views
}

// throttles returns where the token buckets of a key and its groups stand. The Gate tells
// them for one API stage, so it is asked about the first stage of each plan.
func (h *Handler) throttles(ctx context.Context, a *usageplan.Access) (views []throttleView, err error) {
	if a.Key.Usable(time.Now()) != nil {
		return nil, nil
	}
	seen := map[[3]string]bool{}
	for _, stage := range stagesOf(a) {
		d, err := h.gate.Peek(ctx, gate.Request{KeyID: a.Key.ID, API: stage.API, Stage: stage.Name})
		if errors.Is(err, gate.ErrInvalid) || d.Reason == gate.StoreFailed {
			return nil, nil // the page shows what it knows
		}
		if err != nil {
			return nil, err
		}
		add := func(l gate.Level) {
			plan := "" // of a throttle that all share
			if l.Plan != nil {
				plan = l.Plan.ID
			}
			at := [3]string{l.Payer.String(), plan, l.Name}
			if l.IsQuota() || seen[at] {
				return
			}
			seen[at] = true
			views = append(views, throttleView{l.Payer.String(), plan, l.Name, rateText(l.Rate), l.Soft, l.Remaining(), l.Max})
		}
		for l := range d.Levels() {
			add(l)
		}
		for l := range d.GroupLevels() {
			add(l)
		}
	}
	return views, nil
}

// stagesOf returns a stage for each plan of a key, and the empty stage for the others.
func stagesOf(a *usageplan.Access) []usageplan.Stage {
	stages := []usageplan.Stage{{}}
	for _, p := range linkedPlans(a) {
		if len(p.Stages) > 0 {
			stages = append(stages, p.Stages[0])
		}
	}
	return stages[:min(len(stages), 8)]
}
