package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// A Span says what a Report covers.
type Span struct {
	// Unit is the unit of Report.Days. The default is usageplan.Requests.
	Unit string

	// Days is the number of UTC days in Report.Days, today included. Windows is the number
	// of windows of each quota, the current one included. Both are 1 to quota.MaxWindows.
	Days, Windows int

	// Back, if not zero, leaves out the windows that ended longer ago. So a report of 30
	// days has 30 windows of a quota by the day, and two of one by the month.
	Back time.Duration

	// LastUse asks when keys were last used. It takes a call of the Counter more, two for
	// keys that were not used of late, and one for each key with two secrets.
	LastUse bool
}

// A Report says where a key or a group stands.
type Report struct {
	// Quotas holds the quotas in force. Those of a key are in the order of its links.
	Quotas []QuotaReport

	// Days holds what was used of the unit on each day, the oldest first: of a key as
	// UsageByDay returns it without a planID, of a group as GroupUsageByDay does. It is
	// empty for a key that has neither a link nor a group.
	Days []quota.DayUsage

	// Err is not nil if the figures cannot be told, since a group above is missing. Then
	// Quotas and Days are empty.
	Err error
}

// A QuotaReport says where one quota stands.
type QuotaReport struct {
	PlanID string
	Quota  quota.Quota

	// Windows holds the last windows, the oldest first. The current window is last.
	Windows []quota.Usage
}

// Now returns the current window.
func (q *QuotaReport) Now() quota.Usage { return q.Windows[len(q.Windows)-1] }

// A KeyReport is the Report of a key, with all that the Gate knows about the key.
type KeyReport struct {
	usageplan.Access
	Report

	// LastUse says when the key was last used, as LastUsed does, if the Span asked for it.
	LastUse LastUse
}

// A GroupReport is the Report of a group.
type GroupReport struct {
	// Lineage holds the group and the groups above it, from the bottom to the root. It ends
	// before a group that is missing.
	Lineage []usageplan.Group

	// Plan is the plan of the group, or nil.
	Plan *usageplan.Plan

	Report
}

// KeyReports returns a report of each key, in the order of the IDs. Keys that do not
// exist are left out. It reads the state of the stores, and not the Gate's cache.
//
// KeyReports is for pages of keys. An AccessReader is called once for each key, several
// at a time. A store.Peeker is called once for all days, and once for each quota that
// differs from all others, whatever the number of keys.
//
// If the span breaks a rule or the unit is not declared, the error wraps ErrInvalid.
func (g *Gate) KeyReports(ctx context.Context, keyIDs []string, span Span) ([]KeyReport, error) {
	if err := g.spanFault(span); err != nil {
		return nil, err
	}
	found, err := g.accesses(ctx, keyIDs)
	if err != nil {
		return nil, err
	}
	reports := make([]KeyReport, len(found))
	var t tally
	for i, a := range found {
		reports[i].Access = *a
		t.addKey(&reports[i])
	}
	if err := g.fill(ctx, &t, span); err != nil || !span.LastUse {
		return reports, err
	}
	return reports, g.fillLastUse(ctx, reports)
}

// GroupReports returns a report of each group, in the order of the IDs. Groups that do
// not exist are left out. Everything else is as for KeyReports.
func (g *Gate) GroupReports(ctx context.Context, groupIDs []string, span Span) ([]GroupReport, error) {
	if err := g.spanFault(span); err != nil {
		return nil, err
	}
	found := make([]GroupReport, len(groupIDs))
	errs := make([]error, len(groupIDs))
	// It never fails: some errors are part of a report.
	_ = g.forEach(len(groupIDs), func(i int) error {
		found[i], errs[i] = g.groupStands(ctx, groupIDs[i])
		return nil
	})

	reports := make([]GroupReport, 0, len(groupIDs)) // the tally points into it
	var t tally
	for i, r := range found {
		missing := errors.Is(errs[i], usageplan.ErrNotFound)
		switch {
		case missing && len(r.Lineage) == 0:
			continue
		case errs[i] != nil && !missing:
			return nil, errs[i]
		}
		r.Err = errs[i]
		reports = append(reports, r)
		t.addGroup(&reports[len(reports)-1])
	}
	return reports, g.fill(ctx, &t, span)
}

func (g *Gate) spanFault(span Span) error {
	return fault.Report(ErrInvalid, "report", windowsFault("days", span.Days), windowsFault("windows", span.Windows), g.cfg.Units.Check(span.Unit))
}

// fill reads the figures of a tally and puts them into its reports.
func (g *Gate) fill(ctx context.Context, t *tally, span Span) error {
	record, err := g.recordOf(span.Unit, span.Days)
	if err != nil {
		return err
	}
	if len(t.subjects) == 0 {
		return nil
	}

	at := time.Now()
	days, err := g.days(ctx, at, t.subjects, record, span.Days)
	if err != nil {
		return fmt.Errorf("gate: report: %w", err)
	}
	for i, r := range t.of {
		r.addDays(days[i])
	}
	for _, b := range t.batches {
		var windows [][]quota.Usage
		err := followMoves(b.subjects, func() (err error) {
			windows, err = quota.Windows(ctx, g.counter, at, b.subjects, b.quota, span.windowsOf(&b.quota, at))
			return err
		})
		if err != nil {
			return fmt.Errorf("gate: report: %w", err)
		}
		for i, place := range b.places {
			place.report.Quotas[place.index].Windows = windows[i]
		}
	}
	return nil
}

// windowsOf returns how many windows of a quota are reported.
func (s *Span) windowsOf(q *quota.Quota, at time.Time) int {
	if s.Back == 0 {
		return s.Windows
	}
	n, start := 1, time.Time{}
	for start, _ = q.Window(at); n < s.Windows && at.Sub(start) < s.Back; n++ {
		start, _ = q.Window(start.Add(-time.Nanosecond))
	}
	return n
}

// addDays adds the use of one subject to a report.
func (r *Report) addDays(days []quota.DayUsage) {
	if r.Days == nil {
		r.Days = days
		return
	}
	for i := range r.Days {
		r.Days[i].Used += days[i].Used
	}
}
