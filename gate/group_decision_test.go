package gate_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestGroupsDecide is a timeline of requests of two keys, in two teams of an
// organisation. A request is charged to its key, its team and the organisation, or to
// none of them.
func TestGroupsDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenTree(t)
		h.days(map[string]int64{"key": 5, "team": 8, "org": 12})
		h.plan(usageplan.Plan{ID: "minutely", Quotas: quotasOf("5 tokens/day as day", "3 tokens/minute as minute")})
		for _, g := range []string{"acme org", "acme>search team", "acme>help team"} {
			h.group(g)
		}
		h.member("crawler", "search", "key")
		h.member("ranker", "search", "minutely")
		h.member("bot", "help", "key")
		day, minute := 24*time.Hour, time.Minute // the bubble begins at midnight
		for i, step := range []struct {
			after time.Duration
			key   string
			cost  int64
			want  string
			wait  time.Duration
			used  [3]int64 // of acme, search and help
		}{
			{0, "crawler", 4, "admitted", 0, [3]int64{4, 4, 0}},
			{0, "crawler", 2, "quota_exceeded, key crawler day", day, [3]int64{4, 4, 0}},
			{0, "crawler", 1, "admitted", 0, [3]int64{5, 5, 0}},
			{0, "ranker", 3, "admitted", 0, [3]int64{8, 8, 0}},
			{0, "ranker", 1, "quota_exceeded, key ranker minute, group search day", day, [3]int64{8, 8, 0}},
			{minute, "ranker", 1, "quota_exceeded, group search day", day - minute, [3]int64{8, 8, 0}},
			{0, "bot", 5, "quota_exceeded, group acme day", day - minute, [3]int64{8, 8, 0}},
			{0, "bot", 4, "admitted", 0, [3]int64{12, 8, 4}},
			{0, "crawler", 1, "quota_exceeded, key crawler day, group search day, group acme day", day - minute, [3]int64{12, 8, 4}},
			{0, "bot", 9, "never_fits, key bot day, group help day, group acme day", store.Never, [3]int64{12, 8, 4}},
			{day, "bot", 1, "admitted", 0, [3]int64{1, 0, 1}},
		} {
			time.Sleep(step.after)
			d, text := h.both(gate.Request{KeyID: step.key, Costs: costs(step.cost)})
			require.Equal(t, step.want, text, i)
			require.Equal(t, step.wait, d.RetryAfter, i)
			require.Equal(t, step.used[:], h.today("acme", "search", "help"), i)
			checkLevels(t, d, step.key)
		}
	})
}

// checkLevels checks that all views of a decision name the same payers and limits.
func checkLevels(t *testing.T, d *gate.Decision, keyID string) {
	t.Helper()
	var waiting, refused []string
	var longest time.Duration
	for l := range d.Levels() {
		require.Equal(t, gate.Payer{Kind: gate.PayerKey, ID: keyID}, l.Payer)
		if l.Wait > 0 {
			waiting = append(waiting, l.Payer.String()+l.Name)
		}
		longest = max(longest, l.Wait)
	}
	for l := range d.GroupLevels() {
		require.Equal(t, gate.PayerGroup, l.Payer.Kind)
		if l.Wait > 0 {
			waiting = append(waiting, l.Payer.String()+l.Name)
		}
		longest = max(longest, l.Wait)
	}
	require.Equal(t, longest, d.RetryAfter)
	by, isRefused := d.RefusedBy()
	require.Equal(t, !d.Allowed, isRefused)
	var limited *gate.LimitError
	if errors.As(d.Err(), &limited) {
		for _, l := range limited.Limits {
			refused = append(refused, l.Payer.String()+l.Name)
			require.ErrorContains(t, limited, l.Name+" (tokens) of "+l.Payer.String())
		}
		require.Equal(t, limited.Limits[0].Payer, by)
	}
	require.Equal(t, waiting, refused)
}

// TestGroupPlans admits keys of a group, whose plan and whose keys' plans are of every
// kind. The limits are so small that each row tells which of them counts.
func TestGroupPlans(t *testing.T) {
	prod, test := usageplan.Stage{API: "pets", Name: "prod"}, usageplan.Stage{API: "pets", Name: "test"}
	limits := map[string]limiter.Limit{"GET /cheap": {Rate: 1e-8, Burst: 2}, "GET /free": {}}
	for name, c := range map[string]struct {
		group  usageplan.Plan // has the ID "group"; none without a name
		change func(*usageplan.Group)
		links  []usageplan.Plan // of the key
		req    gate.Request
		cfg    gate.Config
		want   []string // of one request after the other
		used   int64    // of the group
	}{
		"no link": {group: usageplan.Plan{Name: "p", Quotas: perDay(1)},
			want: []string{"admitted", "quota_exceeded, group acme day"}, used: 1},
		"no link, and no plan": {want: []string{"no_plan"}},
		"a link, and no plan":  {links: []usageplan.Plan{{Quotas: perDay(1)}}, want: []string{"admitted", "quota_exceeded, key k day"}, used: 1},
		"no link, and a plan for this stage": {group: usageplan.Plan{Name: "p", Quotas: perDay(1), Stages: []usageplan.Stage{prod}}, req: on(prod),
			want: []string{"admitted", "quota_exceeded, group acme day"}, used: 1},
		"no link, and a plan for another stage": {group: usageplan.Plan{Name: "p", Quotas: perDay(1), Stages: []usageplan.Stage{prod}}, req: on(test),
			want: []string{"no_plan"}},
		"no link, and a detached plan": {group: usageplan.Plan{Name: "p", Quotas: perDay(1), Detached: true}, want: []string{"no_plan"}},
		"a link, and a plan for another stage": {group: usageplan.Plan{Name: "p", Quotas: perDay(1), Stages: []usageplan.Stage{prod}}, req: on(test),
			links: []usageplan.Plan{{Quotas: perDay(2)}}, want: []string{"admitted", "admitted", "quota_exceeded, key k day"}, used: 2},
		"a link, and a detached plan": {group: usageplan.Plan{Name: "p", Quotas: perDay(1), Throttle: throttle(1e-8, 1), Detached: true},
			links: []usageplan.Plan{{Quotas: perDay(2)}}, want: []string{"no_plan"}},
		"a link for another stage": {group: usageplan.Plan{Name: "p", Quotas: perDay(1)}, req: on(test),
			links: []usageplan.Plan{{Quotas: perDay(2), Stages: []usageplan.Stage{prod}}}, want: []string{"no_plan"}},
		"two links": {group: usageplan.Plan{Name: "p", Quotas: perDay(3)}, req: on(test),
			links: []usageplan.Plan{{Quotas: perDay(9), Stages: []usageplan.Stage{prod}}, {Quotas: perDay(2), Stages: []usageplan.Stage{test}}},
			want:  []string{"admitted", "admitted", "quota_exceeded, key k day"}, used: 2},
		"a route": {group: usageplan.Plan{Name: "p", Throttle: throttle(1e-8, 1), Routes: limits}, req: gate.Request{Route: "GET /cheap"},
			want: []string{"admitted", "admitted", "throttled, group acme throttle GET /cheap"}, used: 2},
		"a route that blocks": {group: usageplan.Plan{Name: "p", Routes: limits}, req: gate.Request{Route: "GET /free"},
			want: []string{"never_fits, group acme throttle GET /free"}},
		"another route": {group: usageplan.Plan{Name: "p", Throttle: throttle(1e-8, 1), Routes: limits}, req: gate.Request{Route: "GET /other"},
			want: []string{"admitted", "throttled, group acme throttle"}, used: 1},
		"a route of a stage": {group: usageplan.Plan{Name: "p", Throttle: throttle(1e-8, 9), StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{
			prod: {"GET /cheap": {Rate: 1e-8, Burst: 1}}}}, req: gate.Request{Route: "GET /cheap", API: "pets", Stage: "prod"},
			want: []string{"admitted", "throttled, group acme throttle pets:prod GET /cheap"}, used: 1},
		"throttled by tokens": {group: usageplan.Plan{Name: "p", Throttles: tokensPerSecond(1e-8, 7)}, req: gate.Request{Costs: costs(3)},
			links: []usageplan.Plan{{Throttle: throttle(1e-8, 9)}}, want: []string{"admitted", "admitted", "throttled, group acme tokens"}, used: 2},
		"the key throttled by tokens": {group: usageplan.Plan{Name: "p", Throttle: throttle(1e-8, 2)}, req: gate.Request{Costs: costs(3)},
			links: []usageplan.Plan{{Throttles: tokensPerSecond(1e-8, 8)}},
			want:  []string{"admitted", "admitted", "throttled, key k tokens, group acme throttle"}, used: 2},
		"a throttle of the group": {group: usageplan.Plan{Name: "p", Throttle: throttle(1e-8, 1)},
			change: func(g *usageplan.Group) { g.Throttle = throttle(1e-8, 2) },
			want:   []string{"admitted", "admitted", "throttled, group acme throttle"}, used: 2},
		"quotas of the group": {group: usageplan.Plan{Name: "p", Quotas: perDay(1)},
			change: func(g *usageplan.Group) { g.Quotas = quotasOf("2/hour") },
			want:   []string{"admitted", "admitted", "quota_exceeded, group acme hour"}, used: 2},
		"no quotas, by the group": {group: usageplan.Plan{Name: "p", Quotas: perDay(1), Throttle: throttle(1e-8, 2)},
			change: func(g *usageplan.Group) { g.Quotas = []quota.Quota{} },
			want:   []string{"admitted", "admitted", "throttled, group acme throttle"}, used: 2},
		"nil quotas of the group": {group: usageplan.Plan{Name: "p", Quotas: perDay(1)},
			change: func(g *usageplan.Group) { g.Throttle = throttle(1e-8, 5) },
			want:   []string{"admitted", "quota_exceeded, group acme day"}, used: 1},
		"allowed without a plan, though linked for another stage": {group: usageplan.Plan{Name: "p", Quotas: perDay(1)}, req: on(test),
			cfg:   gate.Config{InsecureAllowNoPlan: true},
			links: []usageplan.Plan{{Quotas: perDay(2), Stages: []usageplan.Stage{prod}}},
			want:  []string{"admitted", "quota_exceeded, group acme day"}, used: 1},
		"allowed without a plan, and none of the group": {cfg: gate.Config{InsecureAllowNoPlan: true}, want: []string{"admitted", "admitted"}, used: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTree(t, func(cfg *parts) { cfg.Config, cfg.Units = c.cfg, tokens })
				text := "acme"
				if c.group.Name != "" {
					c.group.ID = "group"
					h.plan(c.group)
					text += " group"
				}
				h.group(text)
				if c.change != nil {
					h.update("acme", c.change)
				}
				h.member("k", "acme")
				for _, p := range c.links {
					require.NoError(t, h.plans.Link(t.Context(), h.plan(p).ID, "k"))
				}
				c.req.KeyID = "k"
				for i, want := range c.want {
					d, text := h.both(c.req)
					require.Equal(t, want, text, i)
					require.Equal(t, len(c.links) > 0 && d.Allowed && !c.cfg.InsecureAllowNoPlan, d.Plan != nil && d.Allowed, "the key's plan")
				}
				require.Equal(t, []int64{c.used}, h.today("acme"))
			})
		})
	}
}

func on(s usageplan.Stage) gate.Request { return gate.Request{API: s.API, Stage: s.Name} }

// TestGroupsShareAPlan gives one plan to two groups, and to a key. Each has an allowance
// of its own, and a key without a link is counted for itself.
func TestGroupsShareAPlan(t *testing.T) {
	h := newTree(t)
	h.days(map[string]int64{"pro": 3})
	h.group("acme pro")
	h.group("blue pro")
	h.member("a", "acme")
	h.member("b", "blue", "pro")
	for _, step := range []struct{ key, want string }{
		{"a", "admitted"}, {"a", "admitted"}, {"b", "admitted"}, {"a", "admitted"}, {"b", "admitted"}, {"b", "admitted"},
		{"a", "quota_exceeded, group acme day"}, {"b", "quota_exceeded, key b day, group blue day"},
	} {
		_, text := h.both(gate.Request{KeyID: step.key})
		require.Equal(t, step.want, text)
	}
	require.Equal(t, []int64{3, 3}, h.today("acme", "blue"))
	require.EqualValues(t, 3, h.keyToday("", "a"))
	require.EqualValues(t, 3, h.keyToday("pro", "b"))
	require.EqualValues(t, 3, h.keyToday("", "b"), "under all plans")
}

// TestGroupsAndIDs repeats the ID of a request. It is charged once to each payer, also if
// a group has no room for it any more.
func TestGroupsAndIDs(t *testing.T) {
	h := newTree(t)
	h.days(map[string]int64{"org": 2, "key": 5})
	h.group("acme org")
	h.member("k", "acme", "key")
	for i, step := range []struct {
		id, want string
		repeated bool
		used     int64
	}{
		{"a", "admitted", false, 1}, {"a", "admitted", true, 1}, {"b", "admitted", false, 2},
		{"c", "quota_exceeded, group acme day", false, 2}, {"c", "quota_exceeded, group acme day", false, 2}, {"b", "admitted", true, 2},
	} {
		d := h.admit(gate.Request{KeyID: "k", ID: step.id})
		require.Equal(t, step.want, outcome(&d.Outcome), i)
		require.Equal(t, step.repeated, d.Repeated, i)
		require.Equal(t, []int64{step.used}, h.today("acme"), i)
		require.Equal(t, step.used, h.keyToday("key", "k"), i)
	}
}
