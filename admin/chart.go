package admin

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// chartDays is how many days the charts show.
const chartDays = 30

// A chart is a bar for each day.
type chart struct {
	Unit       string
	Days       []chartDay
	Total, Max int64
	Last       int64 // of today
	Label      string
	Width      int
	Small      bool // for a row of a table: without days and numbers
}

// A chartDay is one bar. X, Y and Height are in a picture of Width by chartHeight.
type chartDay struct {
	Day          string
	Used         int64
	X, Y, Height string
	Today        bool
}

const (
	chartHeight = 40
	chartStep   = 10 // from bar to bar
)

// newChart returns a chart of days, or nil if there are none.
func newChart(days []quota.DayUsage, unit string, small bool) *chart {
	if len(days) == 0 {
		return nil
	}
	c := &chart{Unit: cmp.Or(unit, usageplan.Requests), Width: len(days) * chartStep, Small: small, Last: days[len(days)-1].Used}
	for _, d := range days {
		c.Total += d.Used
		c.Max = max(c.Max, d.Used)
	}
	for i, d := range days {
		height := 0.0
		if d.Used > 0 { // a day with any use can be seen
			height = max(1.5, float64(d.Used)/float64(c.Max)*chartHeight)
		}
		c.Days = append(c.Days, chartDay{
			Day: d.Start.UTC().Format("Jan 2"), Used: d.Used, X: strconv.Itoa(i * chartStep),
			Y: decimal(chartHeight - height), Height: decimal(height), Today: i == len(days)-1,
		})
	}
	c.Label = number(c.Total) + " " + c.Unit + " in " + many(len(days), "day") + ", at most " + number(c.Max) + " on a day, and " + number(c.Last) + " today"
	return c
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// A bar shows how much of a quota is used.
type bar struct {
	PlanID, Name, Unit string
	Soft               bool
	Used, Limit, Left  int64
	Leased             int64
	Percent            int
	State              string // "", "high" from 80% on, or "full"
	Ends               string
	Window             string // the exact end, by which a form names the window
	end                time.Time
	Text               string
}

// newBar returns the bar of the current window of a quota.
func newBar(q *gate.QuotaReport) bar {
	now := q.Now()
	b := bar{
		PlanID: q.PlanID, Name: q.Quota.NameOrPeriod(), Unit: cmp.Or(q.Quota.Unit, usageplan.Requests), Soft: q.Quota.Soft,
		Used: now.Used, Limit: now.Limit, Left: now.Remaining, Leased: now.Leased,
		Percent: percent(now.Used, now.Limit), Ends: when(now.End), Window: now.End.UTC().Format(time.RFC3339Nano), end: now.End,
	}
	switch {
	case b.Left == 0:
		b.State = "full"
	case b.Percent >= 80:
		b.State = "high"
	}
	b.Text = number(b.Used) + " of " + number(b.Limit)
	if b.Unit != usageplan.Requests {
		b.Text += " " + b.Unit
	}
	return b
}

// newBars returns the bars of all quotas. A quota that was read without windows is left
// out.
func newBars(r *gate.Report) (bars []bar) {
	for i := range r.Quotas {
		if len(r.Quotas[i].Windows) > 0 {
			bars = append(bars, newBar(&r.Quotas[i]))
		}
	}
	return bars
}

// fullest returns at most n bars, the fullest first.
func fullest(bars []bar, n int) []bar {
	bars = slices.Clone(bars)
	slices.SortStableFunc(bars, func(a, b bar) int { return b.Percent - a.Percent })
	return bars[:min(n, len(bars))]
}
