package apigateway_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// linked creates a key in a new plan.
func (h *harness) linked(p usageplan.Plan) (planID, keyID string, secret apikey.Secret) {
	h.t.Helper()
	p.Name = "p"
	p, err := h.plans.Create(h.t.Context(), p)
	require.NoError(h.t, err)
	k := h.ok(201, "POST /apikeys", `{"enabled": true}`)
	h.ok(201, "POST /usageplans/"+p.ID+"/keys", `{"keyId": "`+k.text("id")+`", "keyType": "API_KEY"}`)
	return p.ID, k.text("id"), apikey.Secret(k.text("value"))
}

// pairs returns the pairs of a key in GetUsage from one day to another. An empty day
// means today.
func (h *harness) pairs(planID, keyID, from, to string) string {
	h.t.Helper()
	today := time.Now().UTC().Format(time.DateOnly)
	if from == "" {
		from, to = today, today
	}
	a := h.ok(200, fmt.Sprintf("GET /usageplans/%s/usage?startDate=%s&endDate=%s&keyId=%s", planID, from, to, keyID), "")
	return fmt.Sprint(a.body["values"].(map[string]any)[keyID])
}

func place(t *testing.T, name string) *time.Location {
	at, err := time.LoadLocation(name)
	require.NoError(t, err)
	return at
}

// TestRemainingIsEnforced checks the pairs of GetUsage and UpdateUsage against the Gate,
// under changes of the plan. As many requests are admitted as are said to remain today.
// The use is what was admitted less what was refunded. A bubble begins at midnight of
// January 1st 2000.
func TestRemainingIsEnforced(t *testing.T) {
	newYork, tokyo := place(t, "America/New_York"), place(t, "Asia/Tokyo")
	day := func(n int64) []quota.Quota { return []quota.Quota{{Limit: n, Period: quota.Day}} }
	in := func(at *time.Location) []quota.Quota {
		return []quota.Quota{{Limit: 10, Period: quota.Day, Location: at}}
	}
	type step struct {
		after  time.Duration // since the previous step
		use    int
		refund int
		patch  []string // of the plan
		set    string   // the new remaining number
		used   int      // today so far
		left   int
	}
	for name, test := range map[string]struct {
		quotas []quota.Quota
		steps  []step
	}{
		"another period": {day(10), []step{
			{use: 8, used: 8, left: 2},
			{patch: []string{"replace /quota/period MONTH"}, used: 8, left: 10},
			{set: "100", used: 8, left: 100},
			{use: 90, refund: 5, used: 93, left: 15},
			{use: 50, used: 108, left: 0},
			{patch: []string{"replace /quota/period DAY"}, used: 108, left: 2},
		}},
		"another period on another day": {day(10), []step{
			{use: 8, used: 8, left: 2},
			{after: 24 * time.Hour, use: 3, used: 3, left: 7},
			{patch: []string{"replace /quota/period WEEK"}, used: 3, left: 10},
			{use: 20, used: 13, left: 0},
		}},
		"another limit": {day(10), []step{
			{use: 8, used: 8, left: 2},
			{patch: []string{"replace /quota/limit 5"}, used: 8, left: 0},
			{patch: []string{"replace /quota/limit 20"}, used: 8, left: 12},
		}},
		"a quota that was added later": {nil, []step{
			{use: 50, refund: 1, used: 49, left: 1<<31 - 1},
			{patch: []string{"add /quota/limit 10", "add /quota/period DAY"}, used: 49, left: 10},
			{set: "20", used: 49, left: 20},
			{use: 30, used: 69, left: 0},
		}},
		"west of Greenwich": {in(newYork), []step{
			{after: 12 * time.Hour, use: 4, used: 4, left: 6},
			{set: "100", used: 4, left: 100},
			{after: 14 * time.Hour, use: 3, used: 3, left: 97}, // UTC has a new day
			{after: 4 * time.Hour, use: 2, used: 5, left: 8},
		}},
		"east of Greenwich": {in(tokyo), []step{
			{after: 12 * time.Hour, use: 4, used: 4, left: 6},
			{after: 4 * time.Hour, use: 1, used: 5, left: 9}, // the zone has a new day
			{set: "100", used: 5, left: 100},
			{after: 10 * time.Hour, use: 3, used: 3, left: 97},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				planID, keyID, secret := h.linked(usageplan.Plan{Quotas: test.quotas})
				used, date := 0, ""
				for _, step := range test.steps {
					time.Sleep(step.after)
					if today := time.Now().UTC().Format(time.DateOnly); today != date {
						used, date = 0, today
					}
					used += h.use(secret, step.use, step.refund)
					require.Equal(t, step.used, used, "%+v", step)
					if step.patch != nil {
						h.ok(200, "PATCH /usageplans/"+planID, patch(step.patch...))
					}
					want := fmt.Sprint([]any{[]any{float64(step.used), float64(step.left)}})
					if step.set != "" {
						a := h.ok(200, "PATCH /usageplans/"+planID+"/keys/"+keyID+"/usage", patch("replace /remaining "+step.set))
						require.Equal(t, want, fmt.Sprint(a.body["values"].(map[string]any)[keyID]), "%+v", step)
					}
					require.Equal(t, want, h.pairs(planID, keyID, "", ""), "%+v", step)
					if n := step.left; n < 1000 { // used refunds what it uses
						require.Equal(t, n, h.used(secret, n+3), "%+v", step)
					}
				}
			})
		})
	}
}

// used returns how many of n requests are admitted. It refunds all of them.
func (h *harness) used(secret apikey.Secret, n int) (admitted int) {
	var list []*gate.Decision
	for range n {
		d, err := h.gate.Admit(h.t.Context(), gate.Request{Secret: secret})
		require.NoError(h.t, err)
		list = append(list, &d)
	}
	for _, d := range list {
		if d.Allowed {
			require.NoError(h.t, h.gate.Refund(h.t.Context(), d))
			admitted++
		}
	}
	return admitted
}

// TestLongReport checks a report of 366 days, the maximum. Its first day is within a
// month that was used before.
func TestLongReport(t *testing.T) {
	for name, test := range map[string]struct {
		quota quota.Quota
		want  map[int]string // by the index of the day in the report
	}{
		"month": {quota.Quota{Limit: 100, Period: quota.Month}, map[int]string{
			0: "[0 93]", 2: "[3 90]", 16: "[0 90]", 17: "[0 100]", 365: "[5 95]"}},
		"day":  {quota.Quota{Limit: 100, Period: quota.Day}, map[int]string{0: "[0 100]", 2: "[3 97]", 365: "[5 95]"}},
		"zone": {quota.Quota{Limit: 100, Period: quota.Day, Location: place(t, "America/New_York")}, map[int]string{0: "[0 100]", 2: "[3 97]", 365: "[5 95]"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				h.gate = h.newGate(800 * 24 * time.Hour)
				handler, err := apigateway.New(h.keys, h.plans, h.gate, accept, apigateway.Config{})
				require.NoError(t, err)
				h.h = handler
				planID, keyID, secret := h.linked(usageplan.Plan{Quotas: []quota.Quota{test.quota}})
				on := func(month time.Month, day, use int) {
					time.Sleep(time.Until(time.Date(2000, month, day, 12, 0, 0, 0, time.UTC)))
					require.Equal(t, use, h.use(secret, use, 0))
				}
				on(1, 10, 7) // before the report, but in its first window
				on(1, 17, 3)
				on(13, 14, 5)
				a := h.ok(200, "GET /usageplans/"+planID+"/usage?startDate=2000-01-15&endDate=2001-01-14", "")
				pairs := a.body["values"].(map[string]any)[keyID].([]any)
				require.Len(t, pairs, 366)
				for i, want := range test.want {
					require.Equal(t, want, fmt.Sprint(pairs[i]), i)
				}
				require.Equal(t, fmt.Sprint([]any{pairs[2]}), h.pairs(planID, keyID, "2000-01-17", "2000-01-17"), "whatever is asked for beside")
			})
		})
	}
}
