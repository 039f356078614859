package usageplan_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestBadPlans checks that an error names the field, the value and the rule of each
// fault, and that nothing is stored.
func TestBadPlans(t *testing.T) {
	many := func(n int) (list []quota.Quota) {
		for i := range n {
			list = append(list, quota.Quota{Name: fmt.Sprint("q", i), Limit: 1, Period: quota.Day})
		}
		return list
	}
	for want, p := range map[string]usageplan.Plan{
		"rate: -1":                              {Throttle: throttle(-1, 1)},
		"rate: NaN":                             {Throttle: throttle(rate.Limit(math.NaN()), 1)},
		"rate: 1e+13":                           {Throttle: throttle(1e13, 1)},
		"burst: -1":                             {Throttle: throttle(1, -1)},
		"a smaller burst or a rounder rate":     {Throttle: throttle(1.0/86400, 1<<30)},
		"limit: -1":                             {Quotas: perDay(-1)},
		"limit: 9007199254740991":               {Quotas: perDay(1<<53 - 1)},
		"period: 0":                             {Quotas: []quota.Quota{{Limit: 1}}},
		"period: 77":                            {Quotas: []quota.Quota{{Limit: 1, Period: 77}}},
		"start day: 32":                         {Quotas: []quota.Quota{{Limit: 1, Period: quota.Month, StartDay: 32}}},
		`quotas[1].name: "day"`:                 {Quotas: append(perDay(1), perDay(2)...)},
		`quotas[0].name: "throttle"`:            {Quotas: []quota.Quota{{Name: "throttle", Limit: 1, Period: quota.Day}}},
		`quotas[0].name: "use"`:                 {Quotas: []quota.Quota{{Name: "use", Limit: 1, Period: quota.Day}}},
		`quotas[0].name: "use k1"`:              {Quotas: []quota.Quota{{Name: "use k1", Limit: 1, Period: quota.Day}}},
		`quotas[0].name: "throttle GET /pets`:   {Quotas: []quota.Quota{{Name: "throttle GET /pets", Limit: 1, Period: quota.Day}}},
		"throttles, quotas: 10 of them: want a": {Quotas: many(10)},
		`routes["/pets/GET"]: want the canon`:   {Routes: map[string]limiter.Limit{"/pets/GET": {}}},
		"want a form like":                      {Routes: map[string]limiter.Limit{"pets": {}}},
		`routes["GET /pets"].rate: -1 a secon`:  {Routes: map[string]limiter.Limit{"GET /pets": {Rate: -1}}},
		"stages[0]":                             {Stages: []usageplan.Stage{{API: "orders"}}},
		`stages[1]: "a:b": listed twice`:        {Stages: []usageplan.Stage{{API: "a", Name: "b"}, {API: "a", Name: "b"}}},
		"detached: true with 1 stages":          {Stages: []usageplan.Stage{{API: "a", Name: "b"}}, Detached: true},
		"name: 1025 characters":                 {Name: strings.Repeat("é", 1025)},
		"name: \"a\\x00b\"":                     {Name: "a\x00b"},
	} {
		h := newFixture(t)
		_, err := h.plans.Create(t.Context(), p)
		require.ErrorIs(t, err, usageplan.ErrInvalid, want)
		require.ErrorContains(t, err, want)
		good := h.plan(usageplan.Plan{Name: "good"})
		_, err = h.plans.Update(t.Context(), good.ID, func(change *usageplan.Plan) error { *change = p; return nil })
		require.ErrorIs(t, err, usageplan.ErrInvalid, want)
		for kept, err := range h.plans.All(t.Context()) {
			require.NoError(t, err)
			require.Equal(t, good, kept)
		}
	}
	_, err := newFixture(t).plans.Create(t.Context(), usageplan.Plan{Throttle: throttle(-1, -1), Quotas: perDay(-1), Name: "\x01"})
	for _, all := range []string{"rate: -1", "burst: -1", "limit: -1", "name:"} {
		require.ErrorContains(t, err, all)
	}
	_, err = newFixture(t).plans.Create(t.Context(), usageplan.Plan{Quotas: []quota.Quota{
		{Limit: -1}, {Limit: -2}, {Limit: -3, Period: quota.Day}, {Limit: -4, Period: quota.Day}, {Name: "use x", Limit: -5},
	}})
	for _, all := range []string{
		"limit: -1", "limit: -2", "limit: -3", "limit: -4", "limit: -5", `quotas[3].name: "day": want a unique name`, `quotas[4].name: "use x": want a unique name`,
	} {
		require.ErrorContains(t, err, all)
	}
	require.Equal(t, 2, strings.Count(err.Error(), "want a unique name"), "quotas without a name do not clash")
}

var routes = []struct{ in, want string }{
	{"GET /pets/{id}", "GET /pets/{id}"},
	{"/pets/{id}/GET", "GET /pets/{id}"},
	{"//GET", "GET /{$}"},
	{"/pets/GET", "GET /pets"},
	{"/pets", "/pets"},
	{"/pets/{id}/ANY", "/pets/{id}"},
	{"/files/{proxy+}/GET", "GET /files/{proxy...}"},
	{"GET /files/{my.long-proxy_1+}", "GET /files/{my.long-proxy_1...}"},
	{"GET /pets/{n:[0-9]+}", "GET /pets/{n}"}, // chi's regular expression
	{"/pets/{n:[0-9]+}", "/pets/{n}"},
	{"/pets/{n:[0-9]+}/GET", "GET /pets/{n}"},
	{"GET /pets/{n:[a-z]{2}+}/{proxy+}", "GET /pets/{n}/{proxy...}"},
	{"GET /pets/{+}", "GET /pets/{+}"},
	{"GET /{:}", "GET /{}"},
	{"GET /::", "GET /::"},
	{"GET /:a:b", "GET /{a}"},
	{"GET /:a+", "GET /{a}"},
	{"GET /*a:b", "GET /{a...}"},
	{"GET /pets/x{y+}", "GET /pets/x{y+}"},
	{"GET /pets/:id", "GET /pets/{id}"},
	{"POST /tasks/{id}:cancel", "POST /tasks/{id}:cancel"},
	{"GET /files/*", "GET /files/{path...}"},
	{"ANY /pets", "/pets"},
	{"GET /", "GET /"},
	{"POST  /orders", "POST /orders"},
	{"*", "*"},
	{"*/*", "*"},
	{"", ""}, {"pets", ""}, {"GET", ""}, {"get /pets", ""}, {"GET pets", ""}, {"GET example.com/", ""},
	{"GET /" + strings.Repeat("x", 200), ""},
	{"GET /\x00", ""},
}

// TestRoute checks the canonical names of routes. An empty one means an error.
func TestRoute(t *testing.T) {
	for _, r := range routes {
		got, err := usageplan.Route(r.in)
		if r.want == "" {
			require.ErrorIs(t, err, usageplan.ErrInvalid, r.in)
			continue
		}
		require.NoError(t, err, r.in)
		require.Equal(t, r.want, got)
	}
}

// FuzzRoute checks that Route leaves a canonical name as it is, and that http.ServeMux
// accepts it. Names that break other rules of ServeMux are left out.
func FuzzRoute(f *testing.F) {
	for _, r := range routes {
		f.Add(r.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		name, err := usageplan.Route(in)
		if err != nil {
			require.Empty(t, name)
			return
		}
		again, err := usageplan.Route(name)
		if strings.HasPrefix(name, "/") { // a path that Route may read as AWS's form
			return
		}
		require.NoError(t, err)
		require.Equal(t, name, again)
		if name != usageplan.AnyRoute && !strings.ContainsAny(name, "{}") && !strings.Contains(name, "//") && !strings.Contains(name, "/.") {
			http.NewServeMux().HandleFunc(name, func(http.ResponseWriter, *http.Request) {})
		}
	})
}

// TestJSON encodes and decodes a plan and a link as stores keep them. Limits and quotas
// have their text forms.
func TestJSON(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 12, 0, 0, 1000, time.UTC)
	p := usageplan.Plan{
		ID: "p", Name: "plan", Throttle: throttle(0.5, 7),
		Throttles: []usageplan.Throttle{{Limit: limiter.PerSecond(3), Unit: "tokens", Name: "tpm"}},
		Quotas:    []quota.Quota{{Limit: 9, Period: quota.Month, StartDay: 15, Location: berlin}, {Name: "tokens", Limit: 1 << 50, Period: quota.Day}},
		Routes:    map[string]limiter.Limit{"GET /pets/{id}": {Rate: 1, Burst: 1}}, Stages: []usageplan.Stage{{API: "a", Name: "b"}},
		Created: at, Updated: at, Version: 3,
	}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.Contains(t, string(text), `"9/month start 15 in Europe/Berlin"`)
	var back usageplan.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, p, back)

	l := usageplan.Link{PlanID: "p", KeyID: "k", Allowance: "p/2", Throttle: throttle(1, 1), Created: at, Version: 1}
	text, err = json.Marshal(l)
	require.NoError(t, err)
	require.JSONEq(t, `{"planId":"p","keyId":"k","allowance":"p/2","throttle":"1/s burst 1","created":"2026-11-23T12:00:00.000001Z","version":1}`, string(text))
	var link usageplan.Link
	require.NoError(t, json.Unmarshal(text, &link))
	require.Equal(t, l, link)
}
