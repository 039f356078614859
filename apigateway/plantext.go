package apigateway

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// planText is a UsagePlan on the wire, and half a one while it is being made or patched.
type planText struct {
	ID          string            `json:"id"`
	Name        string            `json:"name,omitzero"`
	Description string            `json:"description,omitzero"`
	APIStages   []stageText       `json:"apiStages"`
	Throttle    *throttleText     `json:"throttle,omitzero"`
	Quota       *quotaText        `json:"quota,omitzero"`
	ProductCode string            `json:"productCode,omitzero"`
	Tags        map[string]string `json:"tags,omitzero"`

	detached bool // without stages the plan is for none, and not for all
}

type stageText struct {
	APIID    string                  `json:"apiId"`
	Stage    string                  `json:"stage"`
	Throttle map[string]throttleText `json:"throttle,omitzero"` // by "/pets/GET"
}

// Whole numbers of the wire have 64 bits on every machine, so that none wraps into range.
type throttleText struct {
	BurstLimit *int64     `json:"burstLimit,omitzero"`
	RateLimit  *perSecond `json:"rateLimit,omitzero"`
}

// perSecond is a rate. AWS sends it as a floating-point number, and scripts compare the
// text.
type perSecond float64

// MarshalJSON writes a whole number with a fraction: 50.0.
func (p perSecond) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(float64(p))
	if err == nil && !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	return text, err
}

type quotaText struct {
	Limit  *int64 `json:"limit,omitzero"`
	Offset *int64 `json:"offset,omitzero"`
	Period string `json:"period,omitzero"`
}

func (s *stageText) stage() usageplan.Stage { return usageplan.Stage{API: s.APIID, Name: s.Stage} }

// planOf is a plan as the wire has it.
func planOf(p *usageplan.Plan) planText {
	out := planText{
		ID: p.ID, Name: p.Name, Description: p.Description, ProductCode: p.ProductCode, APIStages: []stageText{}, detached: p.Detached,
	}
	if p.Throttle != nil && !p.Throttle.Unlimited() {
		out.Throttle = new(throttleOf(*p.Throttle))
	}
	if i := quotaAt(p); i >= 0 {
		out.Quota = quotaOf(p.Quotas[i])
	}
	for _, s := range p.Stages {
		text := stageText{APIID: s.API, Stage: s.Name}
		for route, l := range p.StageRoutes[s] {
			if !shown(route, l) {
				continue
			}
			if text.Throttle == nil {
				text.Throttle = map[string]throttleText{}
			}
			text.Throttle[methodOf(route)] = throttleOf(l)
		}
		out.APIStages = append(out.APIStages, text)
	}
	return out
}

// maxFigure is the most that a whole number is on the wire: clients read 32 bits. A plan
// of another making may have more.
const maxFigure = 1<<31 - 1

func throttleOf(l limiter.Limit) throttleText {
	return throttleText{new(min(int64(l.Burst), maxFigure)), new(perSecond(l.Rate))}
}

// figure is what a figure of a text says. Where it says what is shown of the old one,
// that is kept.
func figure(text, old int64) int64 {
	if text == min(old, maxFigure) {
		return old
	}
	return text
}

// limit returns the throttle in the place of old. A burst that is missing is 0, since the
// SDKs send no zeros: it is then what the rate allows in a second. A rate that is missing
// is the account's, since a rate of 0 blocks.
func (t throttleText) limit(old limiter.Limit, account rate.Limit) (limiter.Limit, error) {
	l := limiter.Limit{Rate: account}
	if t.BurstLimit != nil {
		switch n := *t.BurstLimit; {
		case n < 0:
			return old, badRequest("Usage Plan throttle burst limit must be a non-negative integer")
		case n > maxFigure:
			return old, badRequest("Usage Plan throttle burst limit must be at most %d", maxFigure)
		}
		l.Burst = int(figure(*t.BurstLimit, int64(old.Burst)))
	}
	if t.RateLimit != nil {
		l.Rate = rate.Limit(*t.RateLimit)
	}
	return l, nil
}

// periods are those that the wire has.
var periods = map[quota.Period]string{quota.Day: "DAY", quota.Week: "WEEK", quota.Month: "MONTH"}

// quotaAt is where the quota is that the wire shows, -1 if there is none.
func quotaAt(p *usageplan.Plan) int {
	return slices.IndexFunc(p.Quotas, func(q quota.Quota) bool { return periods[q.Period] != "" })
}

func quotaOf(q quota.Quota) *quotaText {
	offset := q.StartDay
	if q.Period == quota.Month {
		offset = max(q.StartDay-1, 0)
	}
	return &quotaText{new(min(q.Limit, maxFigure)), new(int64(offset)), periods[q.Period]}
}

// quota is the text as a quota in the place of old, which it is another than if its
// period is.
func (t *quotaText) quota(old quota.Quota) (quota.Quota, error) {
	switch {
	case t.Limit == nil || *t.Limit < 0:
		return old, badRequest("Usage Plan quota limit must be a non-negative numeric")
	case *t.Limit > maxFigure:
		return old, badRequest("Usage Plan quota limit must be at most %d", maxFigure)
	}
	q, offset := old, int64(0)
	if t.Offset != nil {
		offset = *t.Offset
	}
	for period, name := range periods {
		if name == t.Period && period != old.Period {
			q = quota.Quota{Period: period, Location: old.Location}
		}
	}
	if periods[q.Period] != t.Period || t.Period == "" {
		return old, badRequest("Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]")
	}
	if q.Limit = figure(*t.Limit, old.Limit); q.Period == old.Period && offset == *quotaOf(old).Offset {
		return q, nil // a month may begin on a day that AWS does not have
	}
	most := map[quota.Period]int64{quota.Day: 0, quota.Week: 6, quota.Month: 27}[q.Period]
	if most == 0 && offset != 0 {
		return old, badRequest("Usage Plan quota offset must be zero in the DAY period")
	}
	if offset < 0 || offset > most {
		return old, badRequest("Usage Plan quota offset must be between 0 and %d inclusive in the %s period", most, t.Period)
	}
	q.StartDay = int(offset)
	if q.Period == quota.Month {
		q.StartDay++
	}
	return q, nil
}

// fill makes p what the text says. What the wire does not show of p stays.
func (t *planText) fill(p *usageplan.Plan, account rate.Limit) error {
	p.Name, p.Description, p.ProductCode = t.Name, t.Description, t.ProductCode
	if err := t.fillThrottle(p, account); err != nil {
		return err
	}
	if err := t.fillQuota(p); err != nil {
		return err
	}
	return t.fillStages(p, account)
}

func (t *planText) fillThrottle(p *usageplan.Plan, account rate.Limit) error {
	var old limiter.Limit
	if p.Throttle != nil {
		old = *p.Throttle
	}
	if t.Throttle == nil {
		if !old.Unlimited() {
			p.Throttle = nil
		}
		return nil
	}
	l, err := t.Throttle.limit(old, account)
	p.Throttle = &l
	return err
}

func (t *planText) fillQuota(p *usageplan.Plan) error {
	at := quotaAt(p)
	switch {
	case t.Quota == nil && at >= 0:
		p.Quotas = slices.Delete(p.Quotas, at, at+1)
		return nil
	case t.Quota == nil:
		return nil
	case at < 0:
		p.Quotas, at = append(p.Quotas, quota.Quota{}), len(p.Quotas)
	}
	q, err := t.Quota.quota(p.Quotas[at])
	p.Quotas[at] = q
	return err
}

func (t *planText) fillStages(p *usageplan.Plan, account rate.Limit) error {
	if len(t.APIStages) > usageplan.MaxStages {
		return tooManyStages()
	}
	old := p.StageRoutes
	p.StageRoutes = maps.Clone(old)
	for _, s := range p.Stages {
		delete(p.StageRoutes, s) // those of stages that the plan does not name stay
	}
	p.Stages, p.Detached = nil, t.detached
	for _, s := range t.APIStages {
		if s.APIID == "" || s.Stage == "" || notID(s.APIID) {
			return badRequest("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s", s.APIID, s.Stage, p.ID)
		}
		routes, err := s.routes(old[s.stage()], t.Throttle != nil, account)
		if err != nil {
			return err
		}
		p.Stages = append(p.Stages, s.stage())
		if len(routes) == 0 {
			continue
		}
		if p.StageRoutes == nil {
			p.StageRoutes = map[usageplan.Stage]map[string]limiter.Limit{}
		}
		p.StageRoutes[s.stage()] = routes
	}
	if len(p.StageRoutes) == 0 {
		p.StageRoutes = nil
	}
	return nil
}

// routes is the throttles of the stage's routes, in the place of old ones. A new one
// needs a throttle of the plan.
func (s *stageText) routes(old map[string]limiter.Limit, throttled bool, account rate.Limit) (map[string]limiter.Limit, error) {
	said, err := byRoute(s.Throttle)
	if err != nil {
		return nil, err
	}
	routes := maps.Clone(old)
	maps.DeleteFunc(routes, shown)
	for route, throttle := range said {
		had, ok := old[route]
		if !ok && !throttled {
			return nil, badRequest("Can not define fine grain throttling if usage plan throttle is not defined.")
		}
		l, err := throttle.limit(had, account)
		if err != nil {
			return nil, err
		}
		if routes == nil {
			routes = map[string]limiter.Limit{}
		}
		routes[route] = l
	}
	return routes, nil
}
