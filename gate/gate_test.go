package gate_test

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestReasons checks every way in which a request can end.
func TestReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTokens(t), t.Context()
		plan := usageplan.Plan{Throttle: throttle(1, 2), Quotas: tokensPerDay(3)}
		_, good, _ := h.linked(plan)
		disabled, off, _ := h.linked(plan)
		_, err := h.keys.Disable(ctx, disabled.ID)
		require.NoError(t, err)
		expired, late, _ := h.linked(plan)
		_, err = h.keys.Expire(ctx, expired.ID, time.Now().Add(time.Minute))
		require.NoError(t, err)
		_, unlinked := h.key("unlinked")
		_, blocked, _ := h.linked(usageplan.Plan{Throttle: &limiter.Limit{}})
		_, free, _ := h.linked(usageplan.Plan{})
		stranger, err := apikey.Format{Prefix: "acme"}.New()
		require.NoError(t, err)
		flipped := []byte(good)
		flipped[10] ^= 1

		for _, step := range []struct {
			after  time.Duration
			what   string
			secret apikey.Secret
			cost   int64
			want   gate.Reason
			retry  time.Duration
		}{
			{0, "one", good, 1, gate.Admitted, 0},
			{0, "two", good, 1, gate.Admitted, 0},
			{0, "burst is used up", good, 1, gate.Throttled, time.Second},
			{time.Second, "a token is there", good, 1, gate.Admitted, 0},
			{0, "quota and throttle refuse: the longer wait", good, 1, gate.QuotaExceeded, 24*time.Hour - time.Second},
			{0, "more than a day ever holds", good, 4, gate.NeverFits, store.Never},
			{24*time.Hour - time.Second - time.Microsecond, "the last microsecond of the day", good, 1, gate.QuotaExceeded, time.Microsecond},
			{time.Microsecond, "the next day", good, 2, gate.Admitted, 0},
			{0, "a plan without limits", free, store.MaxUnits, gate.Admitted, 0},
			{0, "more than can be counted", free, 1, gate.NeverFits, store.Never},
			{0, "a plan that blocks", blocked, 1, gate.NeverFits, store.Never},
			{0, "disabled", off, 1, gate.Disabled, 0},
			{0, "expired", late, 1, gate.Expired, 0},
			{0, "no plan", unlinked, 1, gate.NoPlan, 0},
			{0, "a stranger", stranger, 1, gate.Unknown, 0},
			{0, "a wrong checksum", apikey.Secret(flipped), 1, gate.Unknown, 0},
			{0, "nothing", "", 1, gate.Unknown, 0},
			{0, "a digest in place of a secret", apikey.Secret(digestText(good)), 1, gate.Unknown, 0},
		} {
			time.Sleep(step.after)
			d := h.admit(gate.Request{Secret: step.secret, Costs: costs(step.cost)})
			require.Equal(t, step.want.String(), d.Reason.String(), step.what)
			require.Equal(t, step.want == gate.Admitted, d.Allowed, step.what)
			require.Equal(t, step.retry, d.RetryAfter, step.what)
			require.Equal(t, d.Allowed, d.Err() == nil, step.what)
			if step.want == gate.Unknown {
				require.Nil(t, d.Key, step.what)
			}
		}
	})
}

func digestText(s apikey.Secret) string {
	d := apikey.DigestOf(string(s))
	return string(d[:])
}

// TestAllOrNothing checks that a refused request is charged nothing, and that its
// error names all limits that refused.
func TestAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t)
		k, secret, _ := h.linked(usageplan.Plan{
			Throttle: throttle(1, 10),
			Quotas:   []quota.Quota{{Limit: 5, Unit: "tokens", Period: quota.Day}, {Limit: 3, Unit: "tokens", Period: quota.Hour}},
		})
		used := func() (list []int64) {
			d, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
			require.NoError(t, err)
			for l := range d.Levels() {
				list = append(list, l.Used)
			}
			return list
		}
		require.True(t, h.admit(gate.Request{Secret: secret, Costs: costs(3)}).Allowed)
		require.Equal(t, []int64{1, 3, 3}, used()) // one token for each request
		d := h.admit(gate.Request{Secret: secret, Costs: costs(3)})
		key := gate.Payer{Kind: gate.PayerKey, ID: k.ID}
		require.Equal(t, &gate.LimitError{Reason: gate.QuotaExceeded, Limits: []gate.RefusedLimit{{key, "tokens/day", "tokens", 24 * time.Hour}, {key, "tokens/hour", "tokens", time.Hour}}, RetryAfter: 24 * time.Hour}, d.Err())
		require.Equal(t, []int64{1, 3, 3}, used())
		require.Zero(t, d.Costs)
		require.False(t, d.Charged)
	})
}

// TestClockBack asks by a clock that is behind the windows that are known. What was
// counted in the earlier window still counts.
func TestClockBack(t *testing.T) {
	h := newFixture(t)
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(1)})
	today := time.Now()
	for _, days := range []int{0, -1, 1, -1, 0} {
		at := today.AddDate(0, 0, days)
		d := h.admit(gate.Request{Secret: secret, At: at})
		start := at.UTC().Truncate(24 * time.Hour)
		require.Equal(t, start, d.Limits()[0].Start, days)
		require.Equal(t, start.AddDate(0, 0, 1), d.Limits()[0].End, days)
	}
	require.Equal(t, gate.QuotaExceeded, h.admit(gate.Request{Secret: secret, At: today.AddDate(0, 0, -1)}).Reason)
}

// TestThrottleOfTokens checks that the bucket of a unit is charged the cost.
func TestThrottleOfTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t)
		_, secret, _ := h.linked(usageplan.Plan{Throttles: tokensPerSecond(1, 10)})
		require.True(t, h.admit(gate.Request{Secret: secret, Costs: costs(9)}).Allowed)
		require.Equal(t, time.Second, h.admit(gate.Request{Secret: secret, Costs: costs(2)}).RetryAfter)
		require.Equal(t, gate.NeverFits, h.admit(gate.Request{Secret: secret, Costs: costs(11)}).Reason)
	})
}

// TestBadRequests checks that a request that breaks a rule is charged nothing, and
// that the error names the field.
func TestBadRequests(t *testing.T) {
	h := newTokens(t)
	k, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(3)})
	for want, req := range map[string]gate.Request{
		"costs[0] (tokens): -1: want 0 to 2^53-1":                   {Secret: secret, Costs: costs(-1)},
		"secret, keyID: want one, not both":                         {Secret: secret, KeyID: k.ID},
		"costs[0] (tokens): -9223372036854775808: want 0 to 2^53-1": {KeyID: k.ID, Costs: costs(math.MinInt64)},
		"costs[0] (tokens): 9007199254740992: want 0 to 2^53-1":     {KeyID: k.ID, Costs: costs(store.MaxUnits + 1)},
	} {
		d, err := h.gate.Admit(t.Context(), req)
		require.ErrorIs(t, err, gate.ErrInvalid)
		require.ErrorContains(t, err, want)
		require.False(t, d.Allowed)
	}
	d := h.admit(gate.Request{Secret: secret, Costs: costs(store.MaxUnits)})
	require.Equal(t, gate.NeverFits, d.Reason)
	require.True(t, h.admit(gate.Request{KeyID: k.ID, Costs: costs(3)}).Allowed)
}

// TestExactly charges a quota from many goroutines. Exactly as many requests as the
// quota allows are admitted, and the usage record agrees.
func TestExactly(t *testing.T) {
	h := newFixture(t)
	k, secret, p := h.linked(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Year}}})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
				if err != nil {
					t.Error(err)
				} else if d.Allowed {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1000, admitted.Load())
	days, err := h.gate.UsageByDay(t.Context(), p.ID, k.ID, "", 2) // midnight may have passed
	require.NoError(t, err)
	require.EqualValues(t, 1000, days[0].Used+days[1].Used)
}

// TestRoutes checks that a route's own throttle replaces that of the plan, and that
// quotas count on every route.
func TestRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret, _ := h.linked(usageplan.Plan{
			Throttle: throttle(1, 1), Quotas: perDay(5),
			Routes: map[string]limiter.Limit{"POST /orders": {Rate: 1, Burst: 2}, "GET /free": *throttle(limiter.PerSecond(1).Rate*0+1e12, 5)},
		})
		for i, step := range []struct {
			route string
			want  gate.Reason
		}{
			{"GET /pets", gate.Admitted}, {"GET /pets", gate.Throttled}, {"", gate.Throttled},
			{"POST /orders", gate.Admitted}, {"POST /orders", gate.Admitted}, {"POST /orders", gate.Throttled},
			{"GET /free", gate.Admitted}, {"GET /free", gate.Admitted}, {"GET /free", gate.QuotaExceeded},
		} {
			require.Equal(t, step.want, h.admit(gate.Request{Secret: secret, Route: step.route}).Reason, "step %d", i)
		}
		_, secret, _ = h.linked(usageplan.Plan{Throttle: throttle(1, 1), Routes: map[string]limiter.Limit{usageplan.AnyRoute: {Rate: 1, Burst: 3}}})
		for range 3 {
			require.True(t, h.admit(gate.Request{Secret: secret, Route: "GET /pets"}).Allowed)
		}
		require.False(t, h.admit(gate.Request{Secret: secret, Route: "GET /other"}).Allowed)
	})
}

// TestStages checks which of a key's plans counts on an API stage.
func TestStages(t *testing.T) {
	h := newFixture(t)
	k, secret := h.key("key")
	prod, dev := usageplan.Stage{API: "orders", Name: "prod"}, usageplan.Stage{API: "orders", Name: "dev"}
	named := h.plan(usageplan.Plan{Name: "named", Stages: []usageplan.Stage{dev, prod}})
	require.NoError(t, h.plans.Link(t.Context(), named.ID, k.ID))
	on := func(s usageplan.Stage) string {
		d := h.admit(gate.Request{Secret: secret, API: s.API, Stage: s.Name})
		if d.Plan == nil {
			return d.Reason.String()
		}
		return d.Plan.Name
	}
	require.Equal(t, "named", on(prod))
	require.Equal(t, "no_plan", on(usageplan.Stage{API: "orders", Name: "test"}))
	other := h.plan(usageplan.Plan{Name: "other"})
	require.NoError(t, h.plans.Link(t.Context(), other.ID, k.ID))
	require.Equal(t, "named", on(dev))
	require.Equal(t, "other", on(usageplan.Stage{}))
}

// TestAllowNoPlan checks that InsecureAllowNoPlan admits keys without a plan.
func TestAllowNoPlan(t *testing.T) {
	h := newFixture(t, func(cfg *parts) { cfg.InsecureAllowNoPlan = true })
	_, secret := h.key("key")
	d := h.admit(gate.Request{Secret: secret})
	require.True(t, d.Allowed)
	require.Nil(t, d.Plan)
	require.Empty(t, slices.Collect(d.Levels()))
	require.NoError(t, h.gate.Refund(t.Context(), &d))
}

// TestAdmitInto admits, refuses and does not know a request, by Admit and by AdmitInto.
// The requests of both count, and both Decisions can be refunded.
func TestAdmitInto(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(2)})
	stranger, err := apikey.Format{}.New()
	require.NoError(t, err)
	into := func(secret apikey.Secret) *gate.Decision {
		d := new(gate.Decision)
		require.NoError(t, h.gate.AdmitInto(ctx, &gate.Request{Secret: secret}, d))
		return d
	}

	first := h.admit(gate.Request{Secret: secret})
	second := into(secret)
	require.True(t, second.Charged)
	require.EqualValues(t, 1, first.Level(0).Used)
	require.EqualValues(t, 2, second.Level(0).Used)

	refused, err := h.gate.Admit(ctx, gate.Request{Secret: secret})
	require.NoError(t, err)
	require.Equal(t, gate.QuotaExceeded, refused.Reason)
	require.Equal(t, gate.QuotaExceeded, into(secret).Reason)
	require.Equal(t, gate.Unknown, into(stranger).Reason)
	require.ErrorIs(t, h.gate.AdmitInto(ctx, &gate.Request{Secret: secret, KeyID: "both"}, new(gate.Decision)), gate.ErrInvalid)

	require.NoError(t, h.gate.Refund(ctx, second))
	require.NoError(t, h.gate.Refund(ctx, second))
	third := into(secret)
	require.True(t, third.Allowed)
	require.EqualValues(t, 2, third.Level(0).Used)
}

// TestAllocs checks that a decision about a cached key allocates nothing, whether the
// request is admitted or refused. An unknown secret costs one allocation, for its
// checksum.
func TestAllocs(t *testing.T) {
	h := newFixture(t)
	_, plenty, _ := h.linked(usageplan.Plan{Throttle: throttle(1e6, 1<<30), Quotas: perDay(1 << 50)})
	_, little, _ := h.linked(usageplan.Plan{Throttle: throttle(1e6, 1<<30), Quotas: perDay(0)})
	stranger, err := apikey.Format{}.New()
	require.NoError(t, err)
	ctx := t.Context()
	for what, secret := range map[string]apikey.Secret{"admitted": plenty, "quota_exceeded": little, "unknown": stranger} {
		most := 0.0
		if secret == stranger {
			most = 1
		}
		got := testing.AllocsPerRun(1000, func() {
			if _, err := h.gate.Admit(ctx, gate.Request{Secret: secret}); err != nil {
				t.Error(err)
			}
		})
		require.LessOrEqual(t, got, most, what)
	}
}

// TestNewGate checks that New reports every fault of a configuration at once.
func TestNewGate(t *testing.T) {
	_, err := gate.New(nil, nil, nil, gate.Config{
		MaxKeys:   -1,
		MaxAge:    -1,
		OnFailure: gate.FailurePolicy{Throttle: gate.FailLocal + 1, Quota: 9},
	})
	require.ErrorIs(t, err, gate.ErrInvalid)
	for _, field := range []string{"keys: nil", "plans: nil", "counter: nil", "maxKeys: -1", "maxAge: -1", "onFailure.throttle: 4: want FailDefault", "onFailure.quota: 9"} {
		require.ErrorContains(t, err, field)
	}
}
