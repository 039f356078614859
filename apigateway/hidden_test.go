package apigateway_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestHidden checks that changes keep what the wire form cannot show.
func TestHidden(t *testing.T) {
	h := newHarness(t)
	prod := usageplan.Stage{API: "pets", Name: "prod"}
	free := limiter.Limit{Rate: rate.Inf}
	p, err := h.plans.Create(t.Context(), usageplan.Plan{
		Name: "p", Throttle: &free, Stages: []usageplan.Stage{prod},
		Throttles: []usageplan.Throttle{
			must(usageplan.ParseThrottle("5000/hour as hourly")), must(usageplan.ParseThrottle("9 tokens/minute")),
		},
		Quotas:      []quota.Quota{quota.MustParse("9 tokens/day"), quota.MustParse("9/hour")},
		Routes:      map[string]limiter.Limit{"GET /pets": {Rate: 1, Burst: 1}},
		StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{prod: {"GET /cats": free, "GET /dogs": {Rate: 1, Burst: 1}}},
	})
	require.NoError(t, err)
	text := h.ok(200, "GET /usageplans/"+p.ID, "").body
	require.NotContains(t, text, "throttle")
	require.NotContains(t, text, "quota")
	dogs := map[string]any{"/dogs/GET": map[string]any{"rateLimit": 1.0, "burstLimit": 1.0}}
	require.Equal(t, []any{map[string]any{"apiId": "pets", "stage": "prod", "throttle": dogs}}, text["apiStages"])
	h.ok(200, "PATCH /usageplans/"+p.ID, patch("replace /name q", "add /apiStages pets:dev"))
	q, err := h.plans.Get(t.Context(), p.ID)
	require.NoError(t, err)
	p.Name, p.Stages = "q", append(p.Stages, usageplan.Stage{API: "pets", Name: "dev"})
	p.Updated, p.Version = q.Updated, q.Version
	require.Equal(t, p, q)
}

// TestForeign renames plans that AWS could not have, and changes one number of each.
// Nothing else in them may change.
func TestForeign(t *testing.T) {
	prod, dev := usageplan.Stage{API: "pets", Name: "prod"}, usageplan.Stage{API: "pets", Name: "dev"}
	one, nine := limiter.Limit{Rate: 1, Burst: 1}, limiter.Limit{Rate: 9, Burst: 9}
	routes := func(s usageplan.Stage, routes map[string]limiter.Limit) usageplan.Plan {
		return usageplan.Plan{Throttle: &one, Stages: []usageplan.Stage{prod}, StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{s: routes}}
	}
	monthly := func(q quota.Quota) usageplan.Plan {
		q.Period = quota.Month
		return usageplan.Plan{Quotas: []quota.Quota{q}}
	}
	for name, test := range map[string]struct {
		plan   usageplan.Plan
		change string // of one number
		want   func(p *usageplan.Plan)
	}{
		"below the root and the root": {routes(prod, map[string]limiter.Limit{"GET /": one, "GET /{$}": nine, "/": nine}),
			"replace /apiStages/pets:prod/throttle//GET/burstLimit 3", func(p *usageplan.Plan) { p.StageRoutes[prod]["GET /{$}"] = limiter.Limit{Rate: 9, Burst: 3} }},
		"the end of a path": {routes(prod, map[string]limiter.Limit{"GET /a/{$}": one, "GET /a/": nine, "GET /a": one}),
			"replace /apiStages/pets:prod/throttle//a//GET/burstLimit 3", func(p *usageplan.Plan) { p.StageRoutes[prod]["GET /a/"] = limiter.Limit{Rate: 9, Burst: 3} }},
		"a blank in a path": {routes(prod, map[string]limiter.Limit{"GET /a b": one, "*": nine}),
			"remove /apiStages/pets:prod/throttle/*/*", func(p *usageplan.Plan) { delete(p.StageRoutes[prod], "*") }},
		"routes of another stage": {routes(dev, map[string]limiter.Limit{"GET /a": one}),
			"remove /apiStages pets:prod", func(p *usageplan.Plan) { p.Stages, p.Detached = nil, true }},
		"a stage that has routes already": {routes(dev, map[string]limiter.Limit{"GET /a": one}),
			"add /apiStages pets:dev", func(p *usageplan.Plan) { p.Stages = append(p.Stages, dev) }},
		"the 31st":      {monthly(quota.Quota{Limit: 5, StartDay: 31}), "replace /quota/limit 7", func(p *usageplan.Plan) { p.Quotas[0].Limit = 7 }},
		"no day":        {monthly(quota.Quota{Limit: 5}), "replace /quota/limit 7", func(p *usageplan.Plan) { p.Quotas[0].Limit = 7 }},
		"a large quota": {monthly(quota.Quota{Limit: 1 << 40}), "replace /quota/offset 3", func(p *usageplan.Plan) { p.Quotas[0].StartDay = 4 }},
		"a named quota": {monthly(quota.Quota{Name: "mine", Limit: 5, Location: place(t, "Asia/Tokyo")}), "replace /quota/offset 3", func(p *usageplan.Plan) { p.Quotas[0].StartDay = 4 }},
		"a large burst": {usageplan.Plan{Throttle: &limiter.Limit{Rate: 1000, Burst: min(1<<40, math.MaxInt)}}, "replace /throttle/rateLimit 2000", func(p *usageplan.Plan) { p.Throttle.Rate = 2000 }},
		"a quota of another unit": {usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("9 tokens/day"), quota.MustParse("5/month"), quota.MustParse("9/day")}},
			"replace /quota/limit 7", func(p *usageplan.Plan) { p.Quotas[1].Limit = 7 }},
		"removal beside another unit": {usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("9 tokens/day"), quota.MustParse("5/month")}},
			"remove /quota", func(p *usageplan.Plan) { p.Quotas = p.Quotas[:1] }},
		"no quota of requests": {usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("9 tokens/day")}}, "remove /quota", func(*usageplan.Plan) {}},
		"further throttles": {usageplan.Plan{Throttle: &one, Throttles: []usageplan.Throttle{must(usageplan.ParseThrottle("9 tokens/minute"))}},
			"remove /throttle", func(p *usageplan.Plan) { p.Throttle = nil }},
		"the unit by its name": {monthly(quota.Quota{Limit: 5, Unit: usageplan.Requests}), "replace /quota/limit 7", func(p *usageplan.Plan) { p.Quotas[0].Limit = 7 }},
		"detached":             {usageplan.Plan{Detached: true}, "replace /description x", func(p *usageplan.Plan) { p.Description = "x" }},
		"for all stages":       {usageplan.Plan{}, "replace /description x", func(p *usageplan.Plan) { p.Description = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			test.plan.Name = "p"
			p, err := h.plans.Create(t.Context(), test.plan)
			require.NoError(t, err)
			same := func() {
				t.Helper()
				q, err := h.plans.Get(t.Context(), p.ID)
				require.NoError(t, err)
				p.Updated, p.Version = q.Updated, q.Version
				require.Equal(t, p, q)
			}
			h.ok(200, "PATCH /usageplans/"+p.ID, patch("replace /name q"))
			p.Name = "q"
			same()
			h.ok(200, "PATCH /usageplans/"+p.ID, patch(test.change))
			test.want(&p)
			same()
		})
	}
}

// TestFiguresShown checks that a number that is too large for clients is shown as the
// largest that they can read.
func TestFiguresShown(t *testing.T) {
	h := newHarness(t)
	p, err := h.plans.Create(t.Context(), usageplan.Plan{
		Name: "p", Throttle: &limiter.Limit{Rate: 1000, Burst: min(1<<40, math.MaxInt)}, Quotas: []quota.Quota{{Limit: 1 << 40, Period: quota.Day}},
	})
	require.NoError(t, err)
	body := h.ok(200, "GET /usageplans/"+p.ID, "").body
	require.EqualValues(t, 1<<31-1, body["throttle"].(map[string]any)["burstLimit"])
	require.EqualValues(t, 1<<31-1, body["quota"].(map[string]any)["limit"])
}

// TestSpellings checks that all spellings of a method mean the same route.
func TestSpellings(t *testing.T) {
	const stage = "/apiStages/pets:prod/throttle/"
	for shown, ways := range map[string][]string{
		"//GET":             {"//GET", "/GET", "~1/GET", "GET /{$}"},
		"*/*":               {"*/*", "*"},
		"/x/GET":            {"/x/GET", "GET /x", "GET  /x", "~1x/GET"},
		"/f/{p+}/ANY":       {"/f/{p+}/ANY", "/f/{p...}/ANY", "ANY /f/{p+}"},
		"/pets/{id}/DELETE": {"/pets/{id}/DELETE", "DELETE /pets/{id}"},
	} {
		h := newHarness(t)
		id := h.ok(201, "POST /usageplans", `{"name": "p", "throttle": {"rateLimit": 1, "burstLimit": 2}, "apiStages": [{"apiId": "pets", "stage": "prod", "throttle": {"`+shown+`": {"rateLimit": 1, "burstLimit": 1}}}]}`).text("id")
		methods := func(a answer) any { return a.body["apiStages"].([]any)[0].(map[string]any)["throttle"] }
		for i, way := range ways {
			for range 8 { // the order of a map must not decide
				want := map[string]any{shown: map[string]any{"rateLimit": 1.0, "burstLimit": float64(i + 2)}}
				op := map[bool]string{true: "add", false: "replace"}[i%2 == 0]
				a := h.ok(200, "PATCH /usageplans/"+id, fmt.Sprintf(`{"patchOperations": [{"op": %q, "path": "%s%s/burstLimit", "value": "%d"}]}`, op, stage, way, i+2))
				require.Equal(t, want, methods(a), way)
			}
			a := h.ok(200, "PATCH /usageplans/"+id, fmt.Sprintf(`{"patchOperations": [{"op": "remove", "path": "%s%s"}]}`, stage, way))
			require.Nil(t, methods(a), way)
			all := fmt.Sprintf(`{"%s": {"rateLimit": 1, "burstLimit": 1}}`, strings.ReplaceAll(way, "~1", "/"))
			a = h.ok(200, "PATCH /usageplans/"+id, patch("replace /apiStages/pets:prod/throttle "+all, "replace "+stage+shown+"/burstLimit 7"))
			require.Equal(t, map[string]any{shown: map[string]any{"rateLimit": 1.0, "burstLimit": 7.0}}, methods(a), way)
		}
	}
}

// TestLongPatches checks that a long list of operations is refused without much work.
func TestLongPatches(t *testing.T) {
	h := newHarness(t)
	id := h.ok(201, "POST /usageplans", `{"name": "p"}`).text("id")
	var ops []string
	for i := range 100_000 {
		ops = append(ops, fmt.Sprintf("add /apiStages a:%d", i))
	}
	for n, status := range map[int]int{100: 200, 101: 400, len(ops): 400} {
		a := h.ok(status, "PATCH /usageplans/"+id, patch(ops[:n]...))
		if status == 400 {
			require.Equal(t, "Usage Plan can have at most 100 API Stages", a.text("message"))
		}
	}
	require.Len(t, h.ok(200, "GET /usageplans/"+id, "").body["apiStages"], 100)

	var methods []string
	for i := range 100_000 {
		methods = append(methods, fmt.Sprintf(`"/%d/GET": {"burstLimit": 0}`, i))
	}
	a := h.ok(400, "POST /usageplans", `{"name": "p", "throttle": {}, "apiStages": [{"apiId": "a", "stage": "b", "throttle": {`+strings.Join(methods, ",")+`}}]}`)
	require.Equal(t, "API Stage can have throttle settings of at most 300 methods", a.text("message"))
}

// TestLastStage checks that a plan whose last stage was removed admits nobody, as in AWS.
// A plan that never had stages counts on all of them.
func TestLastStage(t *testing.T) {
	h := newHarness(t)
	key := h.ok(201, "POST /apikeys", `{"enabled": true}`)
	var plans []string
	for _, stage := range []string{"a", "b"} {
		p := h.ok(201, "POST /usageplans", `{"name": "`+stage+`", "apiStages": [{"apiId": "pets", "stage": "`+stage+`"}]}`).text("id")
		h.ok(201, "POST /usageplans/"+p+"/keys", `{"keyId": "`+key.text("id")+`", "keyType": "API_KEY"}`)
		plans = append(plans, p)
	}
	counts := func(want ...string) {
		t.Helper()
		for i, stage := range []string{"a", "b", "other"} {
			d, err := h.gate.Admit(t.Context(), gate.Request{Secret: apikey.Secret(key.text("value")), API: "pets", Stage: stage})
			require.NoError(t, err)
			got := d.Reason.String()
			if d.Plan != nil {
				got = d.Plan.Name
			}
			require.Equal(t, want[i], got, stage)
		}
	}
	change := func(status, plan int, ops ...string) answer {
		return h.ok(status, "PATCH /usageplans/"+plans[plan], patch(ops...))
	}
	counts("a", "b", "no_plan")
	change(200, 0, "remove /apiStages pets:a")
	counts("no_plan", "b", "no_plan")
	change(200, 1, "remove /apiStages pets:b")
	counts("no_plan", "no_plan", "no_plan")
	change(200, 1, "replace /description unattached")
	counts("no_plan", "no_plan", "no_plan")
	change(200, 0, "add /apiStages pets:b")
	counts("no_plan", "a", "no_plan")
	a := change(409, 1, "add /apiStages pets:b")
	require.Equal(t, "key "+key.text("id")+" has plan "+plans[0]+" for stage pets:b: one plan for each key and stage", a.text("message"))
	change(200, 1, "add /apiStages pets:a", "remove /apiStages pets:a")
	counts("no_plan", "a", "no_plan")
	h.ok(202, "DELETE /usageplans/"+plans[1], "")

	p := h.ok(201, "POST /usageplans", `{"name": "all"}`).text("id")
	h.ok(201, "POST /usageplans/"+p+"/keys", `{"keyId": "`+key.text("id")+`", "keyType": "API_KEY"}`)
	h.ok(200, "PATCH /usageplans/"+p, patch("replace /description text"))
	counts("all", "a", "all")
	h.ok(200, "PATCH /usageplans/"+p, patch("add /apiStages pets:a"))
	counts("all", "a", "no_plan")
	h.ok(200, "PATCH /usageplans/"+p, patch("remove /apiStages pets:a"))
	counts("no_plan", "a", "no_plan")
}

// TestIDIsGiven checks that an administrator cannot choose the id of a plan, as in AWS.
func TestIDIsGiven(t *testing.T) {
	h := newHarness(t)
	id := h.ok(201, "POST /usageplans", `{"name": "p", "id": "chosen"}`).text("id")
	require.Regexp(t, "^[a-z0-9]{10}$", id)
	h.ok(404, "GET /usageplans/chosen", "")
}
