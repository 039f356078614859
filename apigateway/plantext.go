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

// planText is the wire form of a UsagePlan. While a request is being decoded or patched
// it can be incomplete: pointers tell a figure that is missing from one that is 0.
type planText struct {
	ID          string            `json:"id"`
	Name        string            `json:"name,omitzero"`
	Description string            `json:"description,omitzero"`
	APIStages   []stageText       `json:"apiStages"`
	Throttle    *throttleText     `json:"throttle,omitzero"`
	Quota       *quotaText        `json:"quota,omitzero"`
	ProductCode string            `json:"productCode,omitzero"`
	Tags        map[string]string `json:"tags,omitzero"`

	// detached says that a plan without stages counts on no stage. The wire has no field for
	// it, since in AWS a plan without stages never counts.
	detached bool
}

// stageText is the wire form of an ApiStage.
type stageText struct {
	APIID    string                  `json:"apiId"`
	Stage    string                  `json:"stage"`
	Throttle map[string]throttleText `json:"throttle,omitzero"` // by "/pets/GET"
}

// throttleText is the wire form of ThrottleSettings. AWS's integers have 32 bits. These
// have 64, so that a number that is too large is refused instead of wrapping into range.
type throttleText struct {
	BurstLimit *int64     `json:"burstLimit,omitzero"`
	RateLimit  *perSecond `json:"rateLimit,omitzero"`
}

// perSecond is a rate. AWS sends it as a floating-point number even if it is whole, and
// scripts compare the text.
type perSecond float64

// MarshalJSON writes the rate as AWS does: a whole number has a fraction, as in 50.0.
func (p perSecond) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(float64(p))
	if err == nil && !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	return text, err
}

func (s *stageText) stage() usageplan.Stage { return usageplan.Stage{API: s.APIID, Name: s.Stage} }

// planOf returns the wire form of a plan, without its tags. It leaves out what AWS has no
// word for: soft quotas, those of other periods and units, further throttles, limits of
// classes and routes, unlimited throttles, and some routes (see shown).
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
	// An empty list of stages is sent as [], as AWS does. A stage without throttles has none
	// in its text either.
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

// maxFigure is the largest whole number in an answer, since clients read 32 bits. A plan
// that was not created through this package may have larger limits.
const maxFigure = 1<<31 - 1

// throttleOf returns the wire form of a limit. It shows a burst of 0 as 0, although the
// Gate then uses what the rate allows in a second. With any other number Terraform would
// find a difference in every plan.
func throttleOf(l limiter.Limit) throttleText {
	return throttleText{new(min(int64(l.Burst), maxFigure)), new(perSecond(l.Rate))}
}

// figure returns the value that a figure of the wire form stands for. If it equals what
// was shown of old, old is returned: a client that sends back what it read must not cut a
// limit that was too large to show.
func figure(text, old int64) int64 {
	if text == min(old, maxFigure) {
		return old
	}
	return text
}

// limit returns the throttle that replaces old.
//
// The Go SDK sends no zeros, so a missing burst is a burst of 0: the bucket holds what
// the rate allows in a second. A missing rate becomes the account's. AWS documents
// neither case. A rate of 0 blocks every request, so a missing one must not become 0.
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

// fill changes p to what the wire form says. Everything that the wire form cannot show
// stays in p, so that a patch by an AWS tool does not remove it.
func (t *planText) fill(p *usageplan.Plan, account rate.Limit) error {
	p.Name = t.Name
	p.Description = t.Description
	p.ProductCode = t.ProductCode
	if err := t.fillThrottle(p, account); err != nil {
		return err
	}
	if err := t.fillQuota(p); err != nil {
		return err
	}
	return t.fillStages(p, account)
}

// fillThrottle sets the plan's throttle. An unlimited throttle is not shown, so its
// absence from the wire form does not remove it.
func (t *planText) fillThrottle(p *usageplan.Plan, account rate.Limit) error {
	var old limiter.Limit
	if p.Throttle != nil {
		old = *p.Throttle
	}
	// old is the zero Limit if the plan has no throttle.
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

// fillQuota sets, adds or removes the quota that answers show. Other quotas stay.
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

// fillStages sets the plan's stages and the throttles of their routes. A stage that is
// removed loses its throttles.
func (t *planText) fillStages(p *usageplan.Plan, account rate.Limit) error {
	if len(t.APIStages) > usageplan.MaxStages {
		return tooManyStages()
	}
	// A stage's throttles are built from those it had, so the old map is read while the new
	// one is filled.
	old := p.StageRoutes
	p.StageRoutes = maps.Clone(old)
	for _, s := range p.Stages {
		delete(p.StageRoutes, s) // throttles of stages that the plan does not name stay
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
	// A plan without throttles of routes has no map, so that a patch without an effect
	// leaves the plan equal to what it was.
	if len(p.StageRoutes) == 0 {
		p.StageRoutes = nil
	}
	return nil
}

// routes returns the throttles of the stage's routes, which replace old. It keeps the old
// ones that are not shown. AWS refuses a method's throttle if the plan has none of its
// own; routes refuses only new ones, so that a plan from elsewhere can still be patched.
func (s *stageText) routes(old map[string]limiter.Limit, throttled bool, account rate.Limit) (map[string]limiter.Limit, error) {
	wanted, err := byRoute(s.Throttle)
	if err != nil {
		return nil, err
	}
	routes := maps.Clone(old)
	maps.DeleteFunc(routes, shown)
	// old decides what is new, so it must stay as it was: routes is a copy.
	for route, throttle := range wanted {
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
