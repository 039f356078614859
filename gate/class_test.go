package gate_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestClassesAllocateNothing counts the allocations of a decision with limits for its
// class and its route, after the first one.
func TestClassesAllocateNothing(t *testing.T) {
	if raceDetector() {
		t.Skip("the race detector makes pools forget")
	}
	h, ctx := newUnits(t), t.Context()
	_, secret, _ := h.linked(usageplan.Plan{
		Quotas: quotasOf("1000000000/year"),
		Routes: map[string]limiter.Limit{"GET /a": {Rate: 1e9, Burst: 1e9}},
		For: map[string]usageplan.Limits{
			"opus": limitsOf("1000000000 input/year"), "GET /a": limitsOf("1000000000 output/year"), "none": limitsOf("0/year"),
		},
	})
	for i, req := range []gate.Request{
		{Secret: secret}, {Secret: secret, Class: "opus"}, {Secret: secret, Class: "opus", Route: "GET /a"}, {Secret: secret, Route: "GET /a"},
		{Secret: secret, Class: "haiku", Route: "GET /b"}, {Secret: secret, Class: "none", Route: "GET /a"},
	} {
		for what, decide := range map[string]func(context.Context, gate.Request) (gate.Decision, error){"Admit": h.gate.Admit, "Peek": h.gate.Peek} {
			require.Zero(t, testing.AllocsPerRun(100, func() {
				if _, err := decide(ctx, req); err != nil {
					t.Error(err)
				}
			}), "request %d, %s", i, what)
		}
	}
}

// TestClassIsNoRoute names a class as a route, and a route as a class. Neither meets the
// limits of the other.
func TestClassIsNoRoute(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	_, secret, _ := h.linked(usageplan.Plan{For: map[string]usageplan.Limits{"opus": limitsOf("1/day"), "GET /a": limitsOf("2/day")}})
	names := func(req gate.Request) (names []string) {
		req.Secret = secret
		d, err := h.gate.Admit(ctx, req)
		require.NoError(t, err)
		for _, l := range d.Limits() {
			names = append(names, l.Name)
		}
		return names
	}
	require.Empty(t, names(gate.Request{Route: "opus"}))
	require.Equal(t, []string{"opus day"}, names(gate.Request{Route: "opus", Class: "opus"}))
	for _, class := range []string{"GET /a", "/a", "a b", "ü", strings.Repeat("a", 65), "a\n"} {
		d, err := h.gate.Admit(ctx, gate.Request{Secret: secret, Class: class})
		require.ErrorIs(t, err, gate.ErrInvalid, class)
		require.ErrorContains(t, err, "class: ")
		require.Equal(t, gate.Invalid, d.Reason)
		_, err = h.gate.Peek(ctx, gate.Request{Secret: secret, Class: class})
		require.ErrorIs(t, err, gate.ErrInvalid, class)
	}
}

// TestClassesDecide is a timeline of requests of classes and routes. Each is charged to
// all limits that match, or to none. A throttle of a route replaces the plan's, and
// limits in For do not.
func TestClassesDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t)
		h.family(
			usageplan.Plan{
				Throttle: throttle(0.001, 9), Quotas: quotasOf("100 input/day"),
				Routes: map[string]limiter.Limit{"GET /a": {Rate: 0.001, Burst: 4}},
				For: map[string]usageplan.Limits{
					"opus":   limitsOf("20 input/minute", "0.1/second burst 2 as pace"),
					"haiku":  limitsOf("50 input/day"),
					"GET /a": limitsOf("3/hour"),
					"GET /b": limitsOf("1/day", "30 output/day"),
				},
			},
			usageplan.Plan{For: map[string]usageplan.Limits{"haiku": limitsOf("9 cents/day as budget")}},
			usageplan.Plan{Quotas: quotasOf("70 input/month"), For: map[string]usageplan.Limits{"GET /a": limitsOf("5/day")}},
		)
		for i, step := range []struct {
			after        time.Duration
			class, route string
			costs        usageplan.Costs
			want         string
			wait         time.Duration
			levels       string // after it: of the key, and of its groups
		}{
			{0, "", "", usageplan.Costs{10}, "admitted", 0, "throttle 1, input/day 10 | input/month 10"},
			{0, "opus", "", usageplan.Costs{20}, "admitted", 0, "throttle 2, opus pace 1, input/day 30, opus input/minute 20 | input/month 30"},
			{0, "opus", "", usageplan.Costs{1}, "quota_exceeded, opus input/minute (input) of key", time.Minute,
				"throttle 2, opus pace 1, input/day 30, opus input/minute 20 | input/month 30"},
			{0, "opus", "", usageplan.Costs{21}, "never_fits, opus input/minute (input) of key", 1<<63 - 1,
				"throttle 2, opus pace 1, input/day 30, opus input/minute 20 | input/month 30"},
			{0, "opus", "GET /a", usageplan.Costs{}, "admitted", 0,
				"throttle GET /a 1, opus pace 2, input/day 30, opus input/minute 20, GET /a hour 1 | input/month 30, GET /a day 1"},
			{0, "opus", "GET /a", usageplan.Costs{0, 0, 5}, "throttled, opus pace (requests) of key", 10 * time.Second,
				"throttle GET /a 1, opus pace 2, input/day 30, opus input/minute 20, GET /a hour 1 | input/month 30, GET /a day 1"},
			{0, "haiku", "GET /a", usageplan.Costs{1, 0, 9}, "admitted", 0,
				"throttle GET /a 2, input/day 31, haiku input/day 1, GET /a hour 2 | haiku budget 9, input/month 31, GET /a day 2"},
			{0, "haiku", "GET /a", usageplan.Costs{0, 0, 1}, "quota_exceeded, haiku budget (cents) of group", 24 * time.Hour,
				"throttle GET /a 2, input/day 31, haiku input/day 1, GET /a hour 2 | haiku budget 9, input/month 31, GET /a day 2"},
			{0, "unknown", "GET /a", usageplan.Costs{}, "admitted", 0,
				"throttle GET /a 3, input/day 31, GET /a hour 3 | input/month 31, GET /a day 3"},
			{0, "", "GET /a", usageplan.Costs{70}, "quota_exceeded, input/day (input) of key, GET /a hour (requests) of key, input/month (input) of group", 31 * 24 * time.Hour,
				"throttle GET /a 3, input/day 31, GET /a hour 3 | input/month 31, GET /a day 3"},
			{0, "", "GET /b", usageplan.Costs{0, 30}, "admitted", 0,
				"throttle 3, input/day 31, GET /b day 1, GET /b output/day 30 | input/month 31"},
			{0, "opus", "GET /b", usageplan.Costs{}, "quota_exceeded, opus pace (requests) of key, GET /b day (requests) of key", 24 * time.Hour,
				"throttle 3, opus pace 2, input/day 31, opus input/minute 20, GET /b day 1, GET /b output/day 30 | input/month 31"},
			// The minute ends first, then the hour, and then the day.
			{time.Minute, "opus", "", usageplan.Costs{20}, "admitted", 0, "throttle 4, opus pace 1, input/day 51, opus input/minute 20 | input/month 51"},
			{time.Hour, "opus", "GET /a", usageplan.Costs{1}, "admitted", 0,
				"throttle GET /a 1, opus pace 1, input/day 52, opus input/minute 1, GET /a hour 1 | input/month 52, GET /a day 4"},
			{0, "haiku", "", usageplan.Costs{0, 0, 1}, "quota_exceeded, haiku budget (cents) of group", 23*time.Hour - time.Minute,
				"throttle 1, input/day 52, haiku input/day 1 | haiku budget 9, input/month 52"},
			{24 * time.Hour, "haiku", "GET /a", usageplan.Costs{18, 0, 9}, "admitted", 0,
				"throttle GET /a 1, input/day 18, haiku input/day 18, GET /a hour 1 | haiku budget 9, input/month 70, GET /a day 1"},
		} {
			time.Sleep(step.after)
			d := h.ask(gate.Request{KeyID: "key", Class: step.class, Route: step.route, Costs: step.costs})
			require.Equal(t, step.want, decision(&d.Outcome), "step %d", i)
			require.Equal(t, step.wait, d.RetryAfter, "step %d", i)
			require.Equal(t, step.levels, levelsText(&d.Outcome), "step %d", i)
		}
		for _, used := range [][]int64{h.records("key", "key", model), h.groupRecords("team"), h.groupRecords("org")} {
			require.Equal(t, []int64{1, 18, 0, 9}, used, "of the last day")
		}
	})
}

// TestClassUsage reports the quotas of classes and routes, and sets what remains of them,
// at a key and at a group. A link's own quotas replace those for all requests only.
func TestClassUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTokenTree(t), t.Context()
		limits := map[string]usageplan.Limits{"opus": limitsOf("5 tokens/day", "3/hour as calls"), "GET /a": limitsOf("2/day")}
		h.plan(usageplan.Plan{ID: "key", Quotas: quotasOf("9/day"), For: limits})
		h.plan(usageplan.Plan{ID: "org", Quotas: quotasOf("90/day"), For: limits})
		h.group("acme org")
		h.member("k", "acme", "key")
		h.member("own", "acme", "key")
		require.NoError(t, second(h.plans.UpdateLink(ctx, "key", "own", func(l *usageplan.Link) error { l.Quotas = quotasOf("1/week"); return nil })))
		h.update("acme", func(g *usageplan.Group) { g.Quotas = []quota.Quota{} })

		windows := func(keyID, name string, n int) []int64 {
			if keyID == "" {
				usage, err := h.gate.GroupUsageByWindow(ctx, "acme", name, n)
				require.NoError(t, err)
				return used(usage)
			}
			usage, err := h.gate.UsageByWindow(ctx, "key", keyID, name, n)
			require.NoError(t, err)
			return used(usage)
		}
		h.admit(gate.Request{KeyID: "k", Class: "opus", Route: "GET /a", Costs: costs(4)})
		time.Sleep(24 * time.Hour)
		h.admit(gate.Request{KeyID: "k", Class: "opus", Costs: costs(1)})
		h.admit(gate.Request{KeyID: "own", Class: "opus", Costs: costs(2)})
		for _, name := range []string{"k", "own", ""} {
			require.Equal(t, map[string][]int64{"k": {4, 1}, "own": {0, 2}, "": {4, 3}}[name], windows(name, "opus tokens/day", 2), name)
			require.Equal(t, map[string][]int64{"k": {1, 0}, "own": {0, 0}, "": {1, 0}}[name], windows(name, "GET /a day", 2), name)
			require.Equal(t, map[string][]int64{"k": {1}, "own": {1}, "": {2}}[name], windows(name, "opus calls", 1), name)
		}
		require.Equal(t, []int64{1, 1}, windows("k", "day", 2))
		require.Equal(t, []int64{1}, windows("own", "week", 1))

		for i, step := range []struct {
			set  func() error
			req  gate.Request
			want string
		}{
			{nil, gate.Request{KeyID: "own", Class: "opus"}, "quota_exceeded, key own week"},
			{func() error { return h.gate.SetRemaining(ctx, "key", "own", "week", 5) }, gate.Request{KeyID: "own", Class: "opus", Costs: costs(3)}, "quota_exceeded, group acme opus tokens/day"},
			{func() error { return h.gate.SetGroupRemaining(ctx, "acme", "opus tokens/day", 3) }, gate.Request{KeyID: "own", Class: "opus", Costs: costs(3)}, "admitted"},
			{func() error { return h.gate.SetGroupRemaining(ctx, "acme", "opus calls", 0) }, gate.Request{KeyID: "k", Class: "opus"}, "quota_exceeded, group acme opus calls"},
			{func() error { return h.gate.SetGroupRemaining(ctx, "acme", "opus calls", 50) }, gate.Request{KeyID: "k", Class: "opus"}, "admitted"},
			{func() error { return h.gate.SetRemaining(ctx, "key", "k", "opus calls", 0) }, gate.Request{KeyID: "k", Class: "opus"}, "quota_exceeded, key k opus calls"},
			{nil, gate.Request{KeyID: "k"}, "admitted"},
			{func() error { return h.gate.SetRemaining(ctx, "key", "k", "GET /a day", 0) }, gate.Request{KeyID: "k", Route: "GET /a"}, "quota_exceeded, key k GET /a day"},
			{nil, gate.Request{KeyID: "k", Route: "GET /b"}, "admitted"},
		} {
			if step.set != nil {
				require.NoError(t, step.set())
			}
			_, text := h.both(step.req)
			require.Equal(t, step.want, text, i)
		}
		for _, name := range []string{"opus", "opus day", "tokens/day", "haiku tokens/day", "GET /b day"} {
			require.ErrorIs(t, h.gate.SetRemaining(ctx, "key", "k", name, 1), usageplan.ErrNotFound, name)
			require.ErrorIs(t, second(h.gate.GroupUsageByWindow(ctx, "acme", name, 1)), usageplan.ErrNotFound, name)
		}
		require.ErrorIs(t, h.gate.SetRemaining(ctx, "key", "own", "day", 1), usageplan.ErrNotFound)
	})
}

// TestClassesOfStages has throttles of routes on an API stage beside limits of classes
// and routes. The throttle that counts depends on the stage, and all limits in For do
// not.
func TestClassesOfStages(t *testing.T) {
	h := newUnits(t)
	burst := func(n int) limiter.Limit { return limiter.Limit{Rate: 1e-6, Burst: n} }
	_, secret, _ := h.linked(usageplan.Plan{
		Throttle: throttle(1e-6, 90), Routes: map[string]limiter.Limit{"GET /a": burst(80)},
		StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{{API: "pets", Name: "prod"}: {"GET /a": burst(70), usageplan.AnyRoute: burst(60)}},
		For:         map[string]usageplan.Limits{"GET /a": limitsOf("50/year"), "opus": limitsOf("1 input/second burst 40")},
	})
	for i, step := range []struct{ stage, class, route, want string }{
		{"prod", "opus", "GET /a", "throttle pets:prod GET /a 1, opus input 0, GET /a year 1 | "},
		{"prod", "", "GET /b", "throttle pets:prod * 1 | "},
		{"prod", "opus", "GET /b", "throttle pets:prod * 2, opus input 0 | "},
		{"test", "opus", "GET /a", "throttle GET /a 1, opus input 0, GET /a year 2 | "},
		{"test", "opus", "GET /b", "throttle 1, opus input 0 | "},
		{"", "", "GET /a", "throttle GET /a 2, GET /a year 3 | "},
		{"prod", "", "GET /a", "throttle pets:prod GET /a 2, GET /a year 4 | "},
	} {
		d := h.ask(gate.Request{Secret: secret, API: "pets", Stage: step.stage, Class: step.class, Route: step.route})
		require.Equal(t, step.want, levelsText(&d.Outcome), i)
	}
}
