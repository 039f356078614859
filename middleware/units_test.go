package middleware_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestUnitsShown checks how the fields and a refusal show the limits of a plan with
// several units. No name has a parameter qu, since no unit of the service is registered.
func TestUnitsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) { cfg.Units = usageplan.Units{{Name: "input_tokens"}, {Name: "micro_usd"}} })
		_, secret := h.key(&usageplan.Plan{
			Throttle: throttle(1, 10),
			Throttles: []usageplan.Throttle{
				must(usageplan.ParseThrottle("60 input_tokens/minute burst 100")),
				must(usageplan.ParseThrottle("3600 input_tokens/hour burst 1000 as hourly")),
			},
			Quotas: []quota.Quota{
				quota.MustParse("50/day"), quota.MustParse("900 input_tokens/day"), quota.MustParse("700 micro_usd/month as budget"),
			},
		})
		for _, step := range []struct {
			costs    usageplan.Costs
			status   int
			limits   string
			violated []string
			body     string // the member "limits"
		}{
			{usageplan.Costs{80, 300}, 200, `"throttle";r=9;t=1, "input_tokens";r=20;t=1, "hourly";r=920;t=1, ` +
				`"day";r=49;t=86400, "input_tokens/day";r=820;t=86400, "budget";r=400;t=2678400`, nil, ""},
			{usageplan.Costs{80, 300}, 429, `"throttle";r=9, "input_tokens";r=20;t=1, "hourly";r=920, ` +
				`"day";r=49, "input_tokens/day";r=820, "budget";r=400`,
				[]string{"input_tokens"}, `[{"payer": "key", "limit": "input_tokens", "unit": "input_tokens"}]`},
			{usageplan.Costs{0, 701}, 403, `"throttle";r=9, "input_tokens";r=20, "hourly";r=920, ` +
				`"day";r=49, "input_tokens/day";r=820, "budget";r=400;t=2678400`,
				[]string{"budget"}, `[{"payer": "key", "limit": "budget", "unit": "micro_usd"}]`},
		} {
			protected := h.middleware(middleware.Config{Costs: func(*http.Request) usageplan.Costs { return step.costs }}).Handler(ok)
			w := serve(protected, with(secret))
			require.Equal(t, step.status, w.Code)
			require.Equal(t, `"throttle";q=10;w=10, "input_tokens";q=100;w=100, "hourly";q=1000;w=1000, `+
				`"day";q=50;w=86400, "input_tokens/day";q=900;w=86400, "budget";q=700`, w.Header().Get("RateLimit-Policy"))
			require.Equal(t, step.limits, w.Header().Get("RateLimit"))
			if step.status == 200 {
				continue
			}
			var body struct {
				Violated []string        `json:"violated-policies"`
				Limits   json.RawMessage `json:"limits"`
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			require.Equal(t, step.violated, body.Violated)
			require.JSONEq(t, step.body, string(body.Limits))
		}
	})
}

// TestGroupUnitsShown checks that a refusal names the unit of a group's limit.
func TestGroupUnitsShown(t *testing.T) {
	h := newFixture(t, inTokens)
	h.group("team", "", &usageplan.Plan{Quotas: tokensPerDay(5)})
	_, secret := h.keyIn("team", &usageplan.Plan{Quotas: perDay(1)})
	protected := h.middleware(middleware.Config{Costs: using(4)}).Handler(ok)
	require.Equal(t, 200, status(protected, with(secret)))
	w := serve(protected, with(secret))
	require.Equal(t, 429, w.Code)
	require.Contains(t, w.Body.String(), `"limits":[{"payer":"key","limit":"day"},{"payer":"group","limit":"tokens/day","unit":"tokens"}]`)
	require.Contains(t, w.Body.String(), `"violated-policies":["day"]`)
}

// TestRequiredUnit checks that a request without the cost of a unit that is required is
// answered with 500, and is charged nothing. A free request needs no costs.
func TestRequiredUnit(t *testing.T) {
	var log bytes.Buffer
	h := newFixture(t, func(cfg *parts) { cfg.Units = usageplan.Units{{Name: "tokens", Required: true}, {Name: "images"}} })
	key, secret := h.key(&usageplan.Plan{Quotas: tokensPerDay(9)})
	mux := http.NewServeMux()
	mux.Handle("/", ok)
	mux.Handle("/dir/", ok)
	for _, step := range []struct {
		what, target string
		cfg          middleware.Config
		status       int
		used         int64
		logged       string
	}{
		{"no Costs", "/", middleware.Config{}, 500, 0, "costs[0] (tokens): 0: want the cost: the unit is required"},
		{"no tokens", "/", middleware.Config{Costs: using(0)}, 500, 0, "costs[0] (tokens): 0: want the cost: the unit is required"},
		{"fewer than none", "/", middleware.Config{Costs: using(-1)}, 500, 0, "costs[0] (tokens): -1: want 0 to 2^53-1"},
		{"a unit too many", "/", middleware.Config{Costs: func(*http.Request) usageplan.Costs { return usageplan.Costs{1, 1, 1} }}, 500, 0,
			"costs[2]: 1: want 0"},
		{"free", "/", middleware.Config{Free: free}, 200, 0, ""},
		{"a redirect", "/dir", middleware.Config{}, 307, 0, ""},
		{"tokens", "/", middleware.Config{Costs: using(2)}, 200, 2, ""},
	} {
		log.Reset()
		step.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		w := serve(h.middleware(step.cfg).Handler(mux), request("GET", step.target, "X-API-Key", secret))
		require.Equal(t, step.status, w.Code, step.what)
		require.Contains(t, log.String(), step.logged, step.what)
		if step.status == 500 {
			require.Contains(t, w.Body.String(), "The service failed to determine the costs of the request, its class or its caller.", step.what)
		} else {
			require.NotContains(t, log.String(), "level=ERROR", step.what)
		}
		d, err := h.gate.Peek(t.Context(), gate.Request{KeyID: key.ID})
		require.NoError(t, err)
		require.Equal(t, step.used, d.Level(0).Used, step.what)
	}
}
