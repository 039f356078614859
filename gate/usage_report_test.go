package gate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// usage returns the Usage of a request.
func (h *fixture) usage(req gate.Request, q gate.UsageQuery) gate.Usage {
	h.t.Helper()
	u, err := h.gate.Usage(h.t.Context(), req, q)
	require.NoError(h.t, err)
	return u
}

// allLevels returns the limits and levels of a Usage, of the key and of its groups.
func allLevels(u *gate.Usage) (all []gate.Level) {
	for _, p := range append([]gate.PayerUsage{u.Key}, u.Groups...) {
		for _, l := range p.Limits {
			all = append(all, l.Level)
		}
	}
	return all
}

// rich returns a plan with every kind of limit.
func rich() usageplan.Plan {
	return usageplan.Plan{
		Throttle:  throttle(5, 20),
		Throttles: throttlesOf("40 input/minute", "9 output/minute soft as trial"),
		Quotas:    quotasOf("300/day", "2000 input/hour", "25 output/day soft as soft day"),
		For: map[string]usageplan.Limits{
			"opus":      {Quotas: quotasOf("30 input/day"), Throttles: throttlesOf("7/minute")},
			"GET /pets": {Quotas: quotasOf("50/day")},
		},
	}
}

// TestUsageIsNextLevel makes random requests of a key in two groups, and compares what a
// Usage says with the Levels of the next decision: after the charge each differs by what
// was charged. With leases this holds for quotas: of a bucket each process holds a part.
func TestUsageIsNextLevel(t *testing.T) {
	for _, leases := range []bool{false, true} {
		t.Run(fmt.Sprint("leases ", leases), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newUsageTree(t, func(cfg *parts) {
					if leases {
						cfg.Counter = newEager(t, &distant{Counter: cfg.Counter})
					}
				})
				secret := h.member("k", "team", "rich")
				compareUsage(h.fixture, rand.New(rand.NewPCG(1, 2)), secret, !leases)
			})
		})
	}
}

// newUsageTree returns a tree with the plan rich, and a group team below acme.
func newUsageTree(t *testing.T, change ...func(*parts)) *tree {
	h := newTree(t, append([]func(*parts){func(cfg *parts) { cfg.Units = model }}, change...)...)
	p := rich()
	p.ID = "rich"
	h.plan(p)
	h.plan(usageplan.Plan{ID: "org", Quotas: quotasOf("900/month", "5000 input/day")})
	h.plan(usageplan.Plan{ID: "sub", Throttle: throttle(3, 15), Quotas: quotasOf("200/hour")})
	h.group("acme org")
	h.group("acme>team sub")
	return h
}

// compareUsage compares a Usage with the next decision, again and again.
func compareUsage(h *fixture, random *rand.Rand, secret apikey.Secret, throttles bool) {
	t := h.t
	allowed := 0
	for range 400 {
		req := gate.Request{Secret: secret, At: time.Now(), Costs: usageplan.Costs{random.Int64N(12), random.Int64N(3), 1}}
		if random.IntN(2) == 0 {
			req.Class = "opus"
		}
		if random.IntN(3) == 0 {
			req.Route = "GET /pets"
		}
		u := h.usage(req, gate.UsageQuery{Windows: random.IntN(3)})
		d, err := h.gate.Admit(t.Context(), req)
		require.NoError(t, err)
		require.True(t, !throttles || d.Allowed == u.Fit.Now)
		var next []gate.Level
		for l := range d.Levels() {
			next = append(next, l)
		}
		for l := range d.GroupLevels() {
			next = append(next, l)
		}
		now := allLevels(&u)
		require.Len(t, now, len(next))
		for i := range now {
			require.Equal(t, next[i].Payer, now[i].Payer)
			require.Equal(t, next[i].Limit, now[i].Limit)
			require.Equal(t, next[i].Max, now[i].Max)
			spent := int64(0)
			if d.Allowed && (now[i].Wait == 0 || now[i].IsQuota()) {
				spent = amountOf(now[i].Unit, req.Costs)
			}
			if throttles || now[i].IsQuota() {
				require.Equal(t, next[i].Used, now[i].Used+spent, "%s", now[i].Name)
			}
		}
		if d.Allowed {
			allowed++
		}
		time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
		if random.IntN(20) == 0 {
			time.Sleep(3 * time.Hour)
		}
	}
	require.Greater(t, allowed, 100)
	require.Less(t, allowed, 390)
}

// amountOf returns how much of a unit a request of these costs uses.
func amountOf(unit string, c usageplan.Costs) int64 {
	if i := model.Index(unit); i >= 0 {
		return c[i]
	}
	return 1
}

// TestUsagePast reports the last windows and days of a key and its groups, by unit. A
// window ends the report that decisions go by.
func TestUsagePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUsageTree(t)
		secret := h.member("k", "team", "rich")
		for day := range int64(3) {
			for range day + 1 {
				d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{day, 1, 0}})
				require.True(t, d.Allowed)
			}
			if day < 2 {
				time.Sleep(24 * time.Hour)
			}
		}
		u := h.usage(gate.Request{Secret: secret}, gate.UsageQuery{Windows: 2, Days: 4})
		today := time.Now().UTC().Truncate(24 * time.Hour)
		require.Equal(t, "rich", u.Key.PlanID)
		require.Equal(t, []gate.DayUsage{
			{today.AddDate(0, 0, -3), today.AddDate(0, 0, -2), 0, usageplan.Costs{}},
			{today.AddDate(0, 0, -2), today.AddDate(0, 0, -1), 1, usageplan.Costs{0, 1}},
			{today.AddDate(0, 0, -1), today, 2, usageplan.Costs{2, 2}},
			{today, today.AddDate(0, 0, 1), 3, usageplan.Costs{6, 3}},
		}, u.Key.Days)
		byName := map[string]gate.LimitUsage{}
		for _, l := range u.Key.Limits {
			byName[l.Name] = l
			require.Equal(t, l.IsQuota(), len(l.Windows) == 2, l.Name)
		}
		require.Equal(t, []quota.Usage{
			{Start: today.AddDate(0, 0, -1), End: today, Used: 2, Limit: 300, Remaining: 298},
			{Start: today, End: today.AddDate(0, 0, 1), Used: 3, Limit: 300, Remaining: 297},
		}, byName["day"].Windows)
		require.True(t, byName["soft day"].Soft)
		require.NotContains(t, byName, "opus input/day")
		require.Len(t, u.Groups, 2)
		require.Equal(t, gate.Payer{Kind: gate.PayerGroup, ID: "team"}, u.Groups[0].Payer)
		require.Equal(t, "sub", u.Groups[0].PlanID)
		require.Equal(t, "org", u.Groups[1].PlanID)
		for _, g := range u.Groups {
			require.Equal(t, u.Key.Days, g.Days, "of the key alone")
		}
		require.EqualValues(t, 6, u.Groups[1].Limits[0].Used, "of the month")
		require.Equal(t, quota.Forecast(u.At, windowsOf(h, 8)...), byName["day"].Forecast)
		u = h.usage(gate.Request{Secret: secret, Class: "opus"}, gate.UsageQuery{})
		require.Len(t, u.Key.Limits, 8)
		require.Empty(t, u.Key.Days)
		require.Empty(t, u.Key.Limits[7].Windows)
		require.Equal(t, byName["day"].Forecast, u.Key.Limits[4].Forecast, "whatever is asked")
	})
}

// windowsOf returns the last n windows of the day quota of the key k.
func windowsOf(h *tree, n int) []quota.Usage {
	windows, err := h.gate.UsageByWindow(h.t.Context(), "rich", "k", "day", n)
	require.NoError(h.t, err)
	return windows
}

// TestUsageWithLeases reports what another process has leased, apart from what was spent.
func TestUsageWithLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) { cfg.Counter, cfg.Lease = &distant{Counter: cfg.Counter}, &lease.Config{} })
		_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10_000)})
		for range 500 {
			require.Equal(t, gate.Admitted, h.reason(secret))
			synctest.Wait()
		}
		own := h.usage(gate.Request{Secret: secret}, gate.UsageQuery{Windows: 1}).Key.Limits[0]
		require.EqualValues(t, 500, own.Used)
		require.Zero(t, own.Leased)
		other, err := gate.New(h.st, h.st, h.st, gate.Config{})
		require.NoError(t, err)
		u, err := other.Usage(t.Context(), gate.Request{Secret: secret}, gate.UsageQuery{Windows: 1})
		require.NoError(t, err)
		l := u.Key.Limits[0]
		require.Positive(t, l.Leased)
		require.LessOrEqual(t, l.Used-l.Leased, int64(500))
		require.Greater(t, l.Used, int64(500))
		require.Equal(t, l.Leased, l.Windows[0].Leased)
	})
}

// TestUsageRefused reports a key that may not be used, a store that fails, and bad input.
// Nothing is ever charged.
func TestUsageRefused(t *testing.T) {
	var st *broken
	h := newFixture(t, func(cfg *parts) {
		st = &broken{Store: cfg.Counter.(*memory.Store)}
		cfg.Counter, cfg.OnFailure = st, gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
	})
	k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(1)})
	require.Equal(t, gate.Admitted, h.reason(secret))
	before := h.lastUsed(k.ID)
	u := h.usage(gate.Request{Secret: secret}, gate.UsageQuery{})
	require.Equal(t, gate.QuotaExceeded, u.Outcome.Reason)
	require.EqualValues(t, 1, u.Key.Limits[0].Used)
	u = h.usage(gate.Request{Secret: "acme_unknown"}, gate.UsageQuery{Days: 1})
	require.Equal(t, gate.Unknown, u.Outcome.Reason)
	require.Empty(t, u.Key)
	require.Equal(t, gate.Fit{}, u.Fit)

	_, err := h.gate.Usage(t.Context(), gate.Request{Secret: secret}, gate.UsageQuery{Windows: -1, Days: 367, Requests: -1})
	require.ErrorIs(t, err, gate.ErrInvalid)
	require.EqualError(t, err, "gate: invalid report: windows: -1: want 1 to 366\ndays: 367: want 1 to 366\nrequests: -1: want 0 to 2^53-1")
	_, err = h.gate.Usage(t.Context(), gate.Request{Secret: secret, Class: "a b"}, gate.UsageQuery{})
	require.ErrorIs(t, err, gate.ErrInvalid)

	st.takes.Store(true)
	_, err = h.gate.Usage(t.Context(), gate.Request{Secret: secret}, gate.UsageQuery{})
	require.ErrorIs(t, err, errBroken, "whatever the failure policy is")
	st.takes.Store(false)
	require.Equal(t, before, h.lastUsed(k.ID))
	require.Equal(t, []int64{1}, h.records(p.ID, k.ID, nil))
}

// TestUsageWithoutPlan reports a key that a Gate admits without counting it.
func TestUsageWithoutPlan(t *testing.T) {
	h := newFixture(t, func(cfg *parts) { cfg.InsecureAllowNoPlan = true })
	_, secret := h.key("key")
	u := h.usage(gate.Request{Secret: secret}, gate.UsageQuery{Windows: 1, Days: 1})
	require.True(t, u.Fit.Now)
	require.Empty(t, allLevels(&u))
}

// TestIdentify identifies keys without a call of the Counter.
func TestIdentify(t *testing.T) {
	c := &distant{Counter: memory.New(memory.Config{})}
	c.down.Store(true)
	h := newFixture(t, func(cfg *parts) { cfg.Counter = c })
	k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(0)})
	o, err := h.gate.Identify(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	require.True(t, o.Allowed)
	require.True(t, o.Peeked)
	require.Equal(t, gate.Admitted, o.Reason)
	require.Equal(t, k.ID, o.Key.ID)
	require.Equal(t, p.ID, o.Plan.ID)
	o, err = h.gate.Identify(t.Context(), gate.Request{Secret: "acme_unknown"})
	require.NoError(t, err)
	require.False(t, o.Allowed)
	require.Equal(t, gate.Unknown, o.Reason)
	require.Zero(t, c.calls.Load())
}
