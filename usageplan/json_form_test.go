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
		{ID: "empty", Alerts: []int{}, Throttles: []usageplan.Throttle{}, Quotas: []quota.Quota{}, Stages: []usageplan.Stage{}, Routes: map[string]limiter.Limit{},
			For: forAll{}},
		{ID: "classes", For: forAll{
			"opus": {
				Throttles: []usageplan.Throttle{{Limit: limiter.PerSecond(3), Soft: true}, {Unit: "tokens", Name: "soft", Soft: true}},
				Quotas:    []quota.Quota{{Limit: 5, Unit: "tokens", Period: quota.Day, Soft: true}, {Limit: 5, Period: quota.Day, Name: " soft "}},
			},
			"Opus": {}, "gpt-4.1:a@b": {Throttles: []usageplan.Throttle{}, Quotas: []quota.Quota{}}, "GET /pets/{id}": daily(), "not a class": daily(),
		}},
		{ID: "detached", Detached: true, Version: 3},
		{
			ID: "full", Name: "a\tb", Throttle: &limiter.Limit{Rate: rate.Inf},
			Throttles: []usageplan.Throttle{
				{Limit: limiter.Limit{Rate: 100_000.0 / 60, Burst: 20_000}, Unit: "tokens", Name: "tpm"}, {Limit: limiter.PerMinute(5)},
				{Unit: "micro_usd", Name: " as a/b "}, {Unit: "requests", Limit: limiter.Limit{Rate: 1e-8}, Name: "r"},
			},
			Quotas:      []quota.Quota{{Limit: 0, Period: quota.Month, StartDay: 31}, {Name: "tokens", Limit: 5, Period: quota.Day}, {Limit: 7, Unit: "tokens", Period: quota.Day}},
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
	text, err := json.Marshal(usageplan.Plan{ID: "p", For: forAll{"opus": {
		Throttles: []usageplan.Throttle{{Limit: limiter.PerMinute(5), Unit: "tokens", Soft: true}},
		Quotas:    []quota.Quota{{Limit: 9, Period: quota.Day, Soft: true, Name: "trial"}, {Limit: 9, Period: quota.Day}},
	}, "GET /a": daily()}})
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"p","for":{"opus":{"throttles":["5 tokens/m burst 5 soft"],"quotas":["9/day soft as trial","9/day"]},"GET /a":{"quotas":["9/day"]}}}`, string(text))
	for want, l := range map[string]usageplan.Link{
		`{"planId":"p","keyId":"k","allowance":"p","throttles":[]}`: {PlanID: "p", KeyID: "k", Allowance: "p", Throttles: []usageplan.Throttle{}},
		`{"planId":"p","keyId":"k","allowance":"p","throttles":["5 tokens/s burst 9 as tps"],"quotas":["1000 tokens/month"]}`: {
			PlanID: "p", KeyID: "k", Allowance: "p", Throttles: []usageplan.Throttle{{Limit: limiter.Limit{Rate: 5, Burst: 9}, Unit: "tokens", Name: "tps"}},
			Quotas: []quota.Quota{{Limit: 1000, Unit: "tokens", Period: quota.Month}},
		},
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

// FuzzPlanJSON checks that every text that decodes to a valid plan encodes to a text that
// decodes to the same plan, and that an error wraps ErrInvalid.
func FuzzPlanJSON(f *testing.F) {
	for _, text := range []string{
		`{"id":"p","throttle":"5/s burst 9","throttles":["5 tokens/minute","blocked as none"],"quotas":["5 tokens/day as a/b"]}`,
		`{"throttles":[],"quotas":[],"alerts":[]}`, `{"alerts":[50,100]}`, `{"throttles":["unlimited"]}`, `{"throttles":null}`, `{"throttles":["5 requests/s","5/s as  as "]}`,
		`{"for":{"opus":{"throttles":["5 tokens/minute soft"],"quotas":["5/day soft as soft"]},"GET /a":{"quotas":["1/day"],"throttles":[]}}}`,
		`{"for":{}}`, `{"for":{"a/b":{}}}`, `{"for":{"a":{}}}`, `{"for":{"a":{"quotas":["1/day"],"Quotas":[]}}}`, `{"for":{"use":{"quotas":["1/day"]}}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		back, p := decodedTwice[usageplan.Plan](t, text)
		if p != nil {
			require.Equal(t, p.Throttles, back.Throttles)
			require.Equal(t, p.Alerts, back.Alerts)
			require.Equal(t, p.Quotas == nil, back.Quotas == nil)
			require.Equal(t, p.For == nil, back.For == nil)
			for key, l := range p.For {
				require.Equal(t, l.Throttles, back.For[key].Throttles)
				require.Equal(t, len(l.Quotas), len(back.For[key].Quotas))
			}
		}
	})
}

// FuzzClass checks that a class is never a route, and that a plan takes every class.
func FuzzClass(f *testing.F) {
	for _, class := range []string{"", "opus", "gpt-4.1:a@b", "a/b", "GET /a", "*", "*/*", "use", "a b", "\x00", "größe"} {
		f.Add(class)
	}
	f.Fuzz(func(t *testing.T, key string) {
		isClass := usageplan.CheckClass(key) == nil
		canonical, err := usageplan.Route(key)
		isRoute := err == nil && canonical == key
		require.False(t, isClass && isRoute)
		p := usageplan.Plan{For: forAll{key: daily()}}
		switch err := p.Validate(); {
		case isClass && key != "use" && key != "throttle":
			require.NoError(t, err)
		case !isClass && !isRoute:
			require.ErrorIs(t, err, usageplan.ErrInvalid)
		}
	})
}

// FuzzLinkJSON checks the same of links.
func FuzzLinkJSON(f *testing.F) {
	for _, text := range []string{
		`{"planId":"p","keyId":"k","allowance":"p","throttles":["5 tokens/minute burst 3 as tpm"],"quotas":[]}`,
		`{"planId":"p","keyId":"k","allowance":"p","throttles":[]}`, `{"planId":"p","keyId":"k","allowance":"p","throttles":["x"]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		back, l := decodedTwice[usageplan.Link](t, text)
		if l != nil {
			require.Equal(t, l.Throttles, back.Throttles)
			require.Equal(t, l.Quotas == nil, back.Quotas == nil)
		}
	})
}

// decodedTwice returns what a text decodes to, and what the JSON form of that decodes to.
// Both are nil if the text is not valid. The two must have the same JSON form.
func decodedTwice[T any, P interface {
	*T
	Validate() error
}](t *testing.T, text string) (back, first P) {
	first, back = new(T), new(T)
	if err := json.Unmarshal([]byte(text), first); err != nil {
		if json.Valid([]byte(text)) {
			require.ErrorIs(t, err, usageplan.ErrInvalid)
		}
		return nil, nil
	}
	if first.Validate() != nil {
		return nil, nil
	}
	form, err := json.Marshal(first)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(form, back), string(form))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	require.Equal(t, string(form), string(again))
	return back, first
}
