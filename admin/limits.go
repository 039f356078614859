package admin

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// days is the use of some days, the oldest first.
type days = []quota.DayUsage

// A limitRow is one limit of a plan.
type limitRow struct {
	Kind, For, Text string
	Soft            bool
}

// limitRows returns all limits of a plan in the order in which people read them.
func limitRows(p *usageplan.Plan) (rows []limitRow) {
	if p.Throttle != nil {
		rows = append(rows, limitRow{Kind: "Throttle", For: "every request", Text: p.Throttle.String()})
	}
	rows = append(rows, limitSet("every request", usageplan.Limits{Throttles: p.Throttles, Quotas: p.Quotas})...)
	for _, route := range slices.Sorted(maps.Keys(p.Routes)) {
		rows = append(rows, limitRow{Kind: "Throttle", For: routeName(route), Text: p.Routes[route].String()})
	}
	stages := slices.SortedFunc(maps.Keys(p.StageRoutes), func(a, b usageplan.Stage) int { return strings.Compare(a.String(), b.String()) })
	for _, stage := range stages {
		for _, route := range slices.Sorted(maps.Keys(p.StageRoutes[stage])) {
			rows = append(rows, limitRow{Kind: "Throttle", For: stage.String() + " " + routeName(route), Text: p.StageRoutes[stage][route].String()})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.For)) {
		rows = append(rows, limitSet(name, p.For[name])...)
	}
	return rows
}

func limitSet(of string, l usageplan.Limits) (rows []limitRow) {
	for _, t := range l.Throttles {
		rows = append(rows, limitRow{"Throttle", of, t.String(), t.Soft})
	}
	for _, q := range l.Quotas {
		rows = append(rows, limitRow{"Quota", of, q.String(), q.Soft})
	}
	return rows
}

func routeName(route string) string {
	if route == usageplan.AnyRoute {
		return "every other route"
	}
	return route
}

// summary returns the limits of a plan in one line.
func summary(p *usageplan.Plan) (texts []string) {
	texts = ownLimits(p.Throttle, p.Throttles, p.Quotas)
	if n := len(p.Routes) + len(p.StageRoutes) + len(p.For); n > 0 {
		texts = append(texts, fmt.Sprintf("%d more for routes and classes", n))
	}
	if len(texts) == 0 {
		texts = []string{"no limits"}
	}
	return texts
}

// ownLimits returns limits as texts.
func ownLimits(throttle *limiter.Limit, throttles []usageplan.Throttle, quotas []quota.Quota) (texts []string) {
	if throttle != nil {
		texts = append(texts, throttle.String())
	}
	for _, t := range throttles {
		texts = append(texts, t.String())
	}
	for _, q := range quotas {
		texts = append(texts, q.String())
	}
	return texts
}

// rateText returns how fast a throttle refills, in the shortest period that has whole
// tokens.
func rateText(r store.Rate) string {
	perSecond := r.PerSecond()
	for _, p := range []struct {
		seconds float64
		name    string
	}{{1, "second"}, {60, "minute"}, {3600, "hour"}, {86_400, "day"}} {
		if n := perSecond * p.seconds; n >= 0.95 {
			return strconv.FormatFloat(math.Round(n*100)/100, 'f', -1, 64) + " a " + p.name
		}
	}
	if perSecond == 0 {
		return "never refills"
	}
	return strconv.FormatFloat(perSecond*86_400, 'g', 3, 64) + " a day"
}

func tagTexts(tags apikey.Tags) (texts []string) {
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		texts = append(texts, name+": "+tags[name])
	}
	return texts
}
