package admin

import (
	"context"
	"net/http"
	"strings"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// A planRow is a plan in a listing.
type planRow struct {
	Plan   usageplan.Plan
	Limits []string
	Stages string
}

type planList struct {
	Rows  []planRow
	Next  string
	First bool
}

// listPlans shows a page of plans.
func (h *Handler) listPlans(r *http.Request) (*answer, error) {
	cursor := r.URL.Query().Get("cursor")
	plans, next, err := h.plans.List(r.Context(), cursor, pageSize)
	if err != nil {
		return nil, err
	}
	return &answer{template: "plans", title: "Plans", data: planList{h.planRows(plans), nextQuery(next, ""), cursor == ""}}, nil
}

func (h *Handler) planRows(plans []usageplan.Plan) []planRow {
	rows := make([]planRow, len(plans))
	for i := range plans {
		rows[i] = planRow{Plan: plans[i], Limits: summary(&plans[i]), Stages: stageText(&plans[i])}
	}
	return rows
}

// stageText says for which API stages a plan is.
func stageText(p *usageplan.Plan) string {
	switch {
	case p.Detached:
		return "none: the plan is detached"
	case len(p.Stages) == 0:
		return "every stage"
	}
	texts := make([]string, len(p.Stages))
	for i, s := range p.Stages {
		texts[i] = s.String()
	}
	return strings.Join(texts, ", ")
}

// A planPage is the page of a plan.
type planPage struct {
	Plan    usageplan.Plan
	Limits  []limitRow
	Stages  string
	Tags    []string
	Keys    []keyRow
	Next    string
	First   bool
	Groups  []usageplan.Group
	More    bool // there are more groups
	Changes recent
	Counts  bool
	WhatIf  []whatIf
}

// showPlan shows a plan and a page of its keys.
func (h *Handler) showPlan(r *http.Request) (*answer, error) {
	ctx, cursor := r.Context(), r.URL.Query().Get("cursor")
	plan, err := h.plans.Get(ctx, r.PathValue("plan"))
	if err != nil {
		return nil, err
	}
	p := planPage{
		Plan: plan, Limits: limitRows(&plan), Stages: stageText(&plan), Tags: tagTexts(plan.Tags), First: cursor == "", Counts: h.cfg.Counts != nil,
		WhatIf: h.counted().whatIf(plan.ID),
	}
	if p.Keys, p.Next, err = h.linkedKeys(ctx, plan.ID, cursor); err != nil {
		return nil, err
	}
	if h.groups != nil && p.First {
		var next string
		if p.Groups, next, err = h.groups.List(ctx, usageplan.GroupFilter{PlanID: plan.ID}, "", pageSize); err != nil {
			return nil, err
		}
		p.More = next != ""
	}
	p.Changes, err = h.recent(ctx, "plan", plan.ID)
	return &answer{template: "plan", title: nameOf(plan.Name, plan.ID), data: p}, err
}

// linkedKeys returns the rows of a page of the keys of a plan.
func (h *Handler) linkedKeys(ctx context.Context, planID, cursor string) (rows []keyRow, next string, err error) {
	links, next, err := h.plans.Links(ctx, planID, cursor, pageSize)
	if err != nil {
		return nil, "", err
	}
	ids := make([]string, len(links))
	for i := range links {
		ids[i] = links[i].KeyID
	}
	rows, err = h.rowsOf(ctx, ids)
	return rows, nextQuery(next, ""), err
}

// A groupRow is a group in a listing.
type groupRow struct {
	Group  usageplan.Group
	Plan   *usageplan.Plan
	Above  []usageplan.Group
	Err    bool
	Quotas []bar
	Chart  *chart
}

type groupList struct {
	Rows  []groupRow
	Next  string
	First bool
}

// listGroups shows a page of groups.
func (h *Handler) listGroups(r *http.Request) (*answer, error) {
	if h.groups == nil {
		return nil, errNoPage
	}
	cursor := r.URL.Query().Get("cursor")
	rows, next, err := h.groupRows(r.Context(), usageplan.GroupFilter{}, cursor, pageSize)
	return &answer{template: "groups", title: "Groups", data: groupList{rows, nextQuery(next, ""), cursor == ""}}, err
}

// groupRows returns the rows of a page of groups.
func (h *Handler) groupRows(ctx context.Context, f usageplan.GroupFilter, cursor string, n int) (rows []groupRow, next string, err error) {
	groups, next, err := h.groups.List(ctx, f, cursor, n)
	if err != nil {
		return nil, "", err
	}
	ids := make([]string, len(groups))
	for i := range groups {
		ids[i] = groups[i].ID
	}
	reports, err := h.gate.GroupReports(ctx, ids, gate.Span{Days: chartDays, Windows: 1})
	for i := range reports {
		rows = append(rows, newGroupRow(&reports[i]))
	}
	return rows, next, err
}

func newGroupRow(r *gate.GroupReport) groupRow {
	return groupRow{r.Lineage[0], r.Plan, r.Lineage[1:], r.Err != nil, newBars(&r.Report), newChart(r.Days, "", true)}
}
