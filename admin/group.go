package admin

import (
	"net/http"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// A groupPage is the page of a group.
type groupPage struct {
	Row     groupRow
	Own     []string // limits of the group instead of those of its plan
	Quotas  []quotaView
	Charts  []*chart
	Below   []groupRow
	More    bool // there are more groups below
	Keys    []keyRow
	Next    string
	First   bool
	Changes recent
	Counts  bool
}

// showGroup shows a group, the groups directly below it, and a page of its keys.
func (h *Handler) showGroup(r *http.Request) (*answer, error) {
	if h.groups == nil {
		return nil, errNoPage
	}
	ctx, id, cursor := r.Context(), r.PathValue("group"), r.URL.Query().Get("cursor")
	reports, err := h.gate.GroupReports(ctx, []string{id}, gate.Span{Days: chartDays, Windows: shownWindows})
	if err != nil {
		return nil, err
	}
	if len(reports) == 0 {
		return nil, usageplan.ErrNotFound
	}
	report := &reports[0]
	group := &report.Lineage[0]
	p := groupPage{
		Row: newGroupRow(report), Own: ownLimits(group.Throttle, group.Throttles, group.Quotas),
		Quotas: quotaViews(&report.Report, time.Now()), First: cursor == "", Counts: h.cfg.Counts != nil,
	}
	if p.Charts, err = h.charts(report.Days, func(unit string) (days, error) { return h.gate.GroupUsageByDay(ctx, id, unit, chartDays) }); err != nil {
		return nil, err
	}
	if p.First {
		var next string
		if p.Below, next, err = h.groupRows(ctx, usageplan.GroupFilter{ParentID: id}, "", pageSize); err != nil {
			return nil, err
		}
		p.More = next != ""
	}
	keys, next, err := h.keys.List(ctx, apikey.Filter{GroupID: id}, cursor, pageSize)
	if err != nil {
		return nil, err
	}
	if p.Keys, err = h.rows(ctx, keys); err != nil {
		return nil, err
	}
	p.Next = nextQuery(next, "")
	p.Changes, err = h.recent(ctx, "group", id)
	return &answer{template: "group", title: nameOf(group.Name, id), data: p}, err
}
