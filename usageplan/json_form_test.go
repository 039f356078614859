package usageplan_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestJSONForms checks that a store may keep plans and links as JSON.
func TestJSONForms(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 123_000, time.UTC)
	for _, p := range []usageplan.Plan{
		{ID: "bare"},
		{ID: "empty", Quotas: []quota.Quota{}, Stages: []usageplan.Stage{}, Routes: map[string]limiter.Limit{}},
		{ID: "detached", Detached: true, Version: 3},
		{
			ID: "full", Name: "a\tb", Throttle: &limiter.Limit{Rate: rate.Inf}, ThrottleByCost: true,
			Quotas:      []quota.Quota{{Limit: 0, Period: quota.Month, StartDay: 31}, {Name: "tokens", Limit: 5, Period: quota.Day}},
			Routes:      map[string]limiter.Limit{"GET /pets/{id}": {Rate: 1.0 / 86400, Burst: 1}, "*": {}},
			StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{{API: "a", Name: "b"}: {"*": {Rate: 3, Burst: 3}}},
			Stages:      []usageplan.Stage{{API: "a", Name: "b"}}, Created: at, Updated: at, Version: 1 << 52,
		},
	} {
		var back usageplan.Plan
		text, err := json.Marshal(p)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &back), string(text))
		require.Equal(t, p, back, string(text))
	}
	for want, l := range map[string]usageplan.Link{
		`{"planId":"p","keyId":"k","allowance":"p"}`:                                                  {PlanID: "p", KeyID: "k", Allowance: "p"},
		`{"planId":"p","keyId":"k","allowance":"p","quotas":[]}`:                                      {PlanID: "p", KeyID: "k", Allowance: "p", Quotas: []quota.Quota{}},
		`{"planId":"p","keyId":"k","allowance":"p","throttle":"5/s burst 9","quotas":["1000/month"]}`: {PlanID: "p", KeyID: "k", Allowance: "p", Throttle: &limiter.Limit{Rate: 5, Burst: 9}, Quotas: []quota.Quota{{Limit: 1000, Period: quota.Month}}},
	} {
		text, err := json.Marshal(l)
		require.NoError(t, err)
		require.JSONEq(t, want, string(text))
		var back usageplan.Link
		require.NoError(t, json.Unmarshal(text, &back), string(text))
		require.Equal(t, l, back)
	}
}
