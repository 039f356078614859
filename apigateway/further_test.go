package apigateway_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestFurtherLimitsStay patches a plan that has limits of which AWS knows nothing. No
// answer shows them, and all of them are in the plan afterwards.
func TestFurtherLimitsStay(t *testing.T) {
	h := newHarness(t)
	trial, hourly := quota.MustParse("3/day soft as trial"), must(usageplan.ParseThrottle("5000/hour as hourly"))
	softly := must(usageplan.ParseThrottle("10 tokens/minute soft"))
	fors := map[string]usageplan.Limits{
		"opus":      {Quotas: []quota.Quota{quota.MustParse("50 tokens/day")}},
		"GET /pets": {Throttles: []usageplan.Throttle{must(usageplan.ParseThrottle("1/s"))}, Quotas: perMonth(7)},
	}
	p, err := h.plans.Create(t.Context(), usageplan.Plan{
		Name: "p", Quotas: []quota.Quota{trial}, Throttles: []usageplan.Throttle{hourly, softly}, For: fors,
		Alerts: []int{90, 100},
	})
	require.NoError(t, err)

	for _, step := range []struct {
		what   string
		ops    []string
		quota  string // the member, or "null"
		quotas []string
	}{
		{"nothing", []string{"replace /description d"}, "null", []string{"3/day soft as trial"}},
		{"add a quota", []string{"add /quota/limit 5", "add /quota/period DAY"}, `{"limit": 5, "offset": 0, "period": "DAY"}`,
			[]string{"3/day soft as trial", "5/day"}},
		{"change it", []string{"replace /quota/limit 6", "replace /quota/period MONTH"}, `{"limit": 6, "offset": 0, "period": "MONTH"}`,
			[]string{"3/day soft as trial", "6/month start 1"}},
		{"add a throttle and a stage", []string{"add /throttle/rateLimit 2", "add /throttle/burstLimit 3", "add /apiStages orders:prod",
			"add /apiStages/orders:prod/throttle/~1pets~1GET/rateLimit 1"}, `{"limit": 6, "offset": 0, "period": "MONTH"}`,
			[]string{"3/day soft as trial", "6/month start 1"}},
		{"remove the quota", []string{"remove /quota"}, "null", []string{"3/day soft as trial"}},
		{"remove the stage and the throttle", []string{"remove /apiStages orders:prod", "remove /throttle"}, "null", []string{"3/day soft as trial"}},
	} {
		body := h.ok(200, "PATCH /usageplans/"+p.ID, patch(step.ops...)).body
		shown, err := json.Marshal(body["quota"])
		require.NoError(t, err)
		require.JSONEq(t, step.quota, string(shown), step.what)
		for _, name := range []string{"throttles", "for", "quotas", "alerts"} {
			require.NotContains(t, body, name, step.what)
		}
		got, err := h.plans.Get(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, fors, got.For, step.what)
		require.Equal(t, []int{90, 100}, got.Alerts, step.what)
		require.Equal(t, []usageplan.Throttle{hourly, softly}, got.Throttles, step.what)
		var quotas []string
		for _, q := range got.Quotas {
			quotas = append(quotas, q.String())
		}
		require.Equal(t, step.quotas, quotas, step.what)
	}
}

// TestSoftQuotaOfUsage checks that GetUsage and UpdateUsage are not about a soft quota,
// whether it is the plan's or the link's.
func TestSoftQuotaOfUsage(t *testing.T) {
	const largest = "2.147483647e+09" // 2147483647, as fmt prints a number from JSON
	soft, hard := quota.MustParse("1/day soft as trial"), quota.MustParse("9/day")
	for name, c := range map[string]struct {
		plan, link []quota.Quota
		left       string
		status     int // of UpdateUsage
	}{
		"soft before hard": {[]quota.Quota{soft, hard}, nil, "7", 200},
		"soft only":        {[]quota.Quota{soft}, nil, largest, 400},
		"a link's":         {[]quota.Quota{hard}, []quota.Quota{soft}, largest, 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			planID, keyID, secret := h.linked(usageplan.Plan{Quotas: c.plan})
			_, err := h.plans.UpdateLink(t.Context(), planID, keyID, func(l *usageplan.Link) error { l.Quotas = c.link; return nil })
			require.NoError(t, err)
			for range 2 {
				d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
				require.NoError(t, err)
				require.True(t, d.Allowed)
			}
			require.Equal(t, "[[2 "+c.left+"]]", h.pairs(planID, keyID, "", ""))
			h.ok(c.status, "PATCH /usageplans/"+planID+"/keys/"+keyID+"/usage", patch("replace /remaining 5"))
		})
	}
}

// TestQuotaOfUsedName adds a quota whose name a soft quota has.
func TestQuotaOfUsedName(t *testing.T) {
	h := newHarness(t)
	p, err := h.plans.Create(t.Context(), usageplan.Plan{Name: "p", Quotas: []quota.Quota{quota.MustParse("9/day soft")}})
	require.NoError(t, err)
	body := h.ok(400, "PATCH /usageplans/"+p.ID, patch("add /quota/limit 5", "add /quota/period DAY")).body
	require.Contains(t, body["message"], "want a unique name")
}
