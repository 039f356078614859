package apigateway_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestUsageIsRequests checks that GetUsage and UpdateUsage are about requests, whatever
// else the key uses and is limited in. Each case makes two requests of three tokens, and
// then sets what remains to 5.
func TestUsageIsRequests(t *testing.T) {
	const largest = "2.147483647e+09" // 2147483647, as fmt prints a number from JSON
	for name, c := range map[string]struct {
		quotas     []quota.Quota
		used, left string // of the quota that is shown
		status     int    // of UpdateUsage
		after      string
	}{
		"tokens before requests": {[]quota.Quota{quota.MustParse("100 tokens/day"), quota.MustParse("10/month")}, "2", "8", 200, "5"},
		"requests by their name": {[]quota.Quota{{Limit: 10, Unit: usageplan.Requests, Period: quota.Day}, quota.MustParse("100 tokens/day")}, "2", "8", 200, "5"},
		"quotas with names":      {[]quota.Quota{quota.MustParse("100 tokens/day as a"), quota.MustParse("10/month as b")}, "2", "8", 200, "5"},
		"tokens only":            {[]quota.Quota{quota.MustParse("100 tokens/day")}, "2", largest, 400, largest},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				planID, keyID, secret := h.linked(usageplan.Plan{Quotas: c.quotas})
				for range 2 {
					d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret, Costs: usageplan.Costs{3}})
					require.NoError(t, err)
					require.True(t, d.Allowed)
				}
				require.Equal(t, "[["+c.used+" "+c.left+"]]", h.pairs(planID, keyID, "", ""))
				h.ok(c.status, "PATCH /usageplans/"+planID+"/keys/"+keyID+"/usage", patch("replace /remaining 5"))
				require.Equal(t, "[["+c.used+" "+c.after+"]]", h.pairs(planID, keyID, "", ""))

				d, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
				require.NoError(t, err)
				for l := range d.Levels() {
					if l.Unit == "tokens" {
						require.EqualValues(t, 94, l.Remaining(), "the protocol does not change it")
					}
				}
			})
		})
	}
}

// TestQuotaBesideUnits adds a quota of requests to a plan that has quotas of tokens.
func TestQuotaBesideUnits(t *testing.T) {
	h := newHarness(t)
	tokens := []quota.Quota{quota.MustParse("9 tokens/day"), quota.MustParse("99 tokens/month as budget")}
	p, err := h.plans.Create(t.Context(), usageplan.Plan{Name: "p", Quotas: tokens})
	require.NoError(t, err)
	body := h.ok(200, "PATCH /usageplans/"+p.ID, patch("add /quota/limit 5", "add /quota/period DAY")).body
	require.Equal(t, map[string]any{"limit": 5.0, "offset": 0.0, "period": "DAY"}, body["quota"])
	q, err := h.plans.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, append(tokens, quota.MustParse("5/day")), q.Quotas)
}
