package gate_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestMore is a timeline of two keys of a group. All limits of requests are used up by
// the first request. Only the limits of tokens decide about further costs.
func TestMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTree(t, func(cfg *parts) { cfg.Account = throttle(1e-6, 1) })
		h.plan(usageplan.Plan{
			ID: "key", Throttle: throttle(1e-6, 1), Throttles: throttlesOf("10 tokens/s burst 60 as speed"),
			Quotas: quotasOf("1/day as requests", "100 tokens/day as tokens"),
		})
		h.plan(usageplan.Plan{ID: "org", Quotas: quotasOf("1/day as requests", "150 tokens/day as tokens")})
		h.group("acme org")
		for _, id := range []string{"a", "b"} {
			h.member(id, "acme", "key")
		}
		day := 24 * time.Hour
		for i, step := range []struct {
			after time.Duration
			key   string
			more  bool
			cost  int64
			want  string
			wait  time.Duration
			used  string // requests and tokens of a, of b, and of the group
		}{
			{0, "a", false, 10, "admitted", 0, "1 10, 0 0, 1 10"},
			{0, "a", false, 0, "throttled, key a throttle, key a requests, group acme requests", 1e6 * time.Second, "1 10, 0 0, 1 10"},
			{0, "a", true, 50, "admitted", 0, "1 60, 0 0, 1 60"},
			{0, "a", true, 10, "throttled, key a speed", time.Second, "1 60, 0 0, 1 60"},
			{0, "a", true, 0, "admitted", 0, "1 60, 0 0, 1 60"},
			{4 * time.Second, "a", true, 40, "admitted", 0, "1 100, 0 0, 1 100"},
			{0, "a", true, 1, "quota_exceeded, key a speed, key a tokens", day - 4*time.Second, "1 100, 0 0, 1 100"},
			{0, "b", true, 50, "admitted", 0, "1 100, 0 50, 1 150"},
			{0, "b", true, 1, "quota_exceeded, group acme tokens", day - 4*time.Second, "1 100, 0 50, 1 150"},
			{0, "b", true, 61, "never_fits, key b speed, key b tokens, group acme tokens", store.Never, "1 100, 0 50, 1 150"},
			{0, "b", false, 0, "quota_exceeded, group acme requests", day - 4*time.Second, "1 100, 0 50, 1 150"},
		} {
			time.Sleep(step.after)
			d, got := h.both(gate.Request{KeyID: step.key, Costs: costs(step.cost), More: step.more})
			require.Equal(t, step.want, got, "step %d", i)
			require.Equal(t, step.wait, d.RetryAfter, "step %d", i)
			require.Equal(t, step.more, d.More, "step %d", i)
			a, b := h.records("key", "a", tokens), h.records("key", "b", tokens)
			var group []int64
			for _, h.unit = range []string{"", "tokens"} {
				group = append(group, h.today("acme")...)
			}
			require.Equal(t, step.used, fmt.Sprintf("%d %d, %d %d, %d %d", a[0], a[1], b[0], b[1], group[0], group[1]), "step %d", i)
		}
		_, err := h.keys.Disable(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, gate.Disabled, h.ask(gate.Request{KeyID: "a", More: true}).Reason)
	})
}

// TestMoreAtOnce has 50 streams of two keys charge 10 tokens at the same time. Exactly
// those are admitted that fit the quota of their group, whatever counts.
func TestMoreAtOnce(t *testing.T) {
	all := counters(t)
	all["leases"] = &distant{Counter: memory.New(memory.Config{})}
	all["leases over redis"] = counters(t)["redis"]
	for name, counter := range all {
		t.Run(name, func(t *testing.T) {
			h := newTokenTree(t, func(cfg *parts) {
				cfg.Counter, cfg.Timeout, cfg.Account = counter, time.Minute, throttle(1e-6, 2)
				if name != "memory" && name != "redis" {
					cfg.Lease = &lease.Config{Timeout: time.Minute}
				}
			})
			h.days(map[string]int64{"key": 1000, "org": 100})
			h.group("acme org")
			for _, id := range []string{"a", "b"} {
				h.member(id, "acme", "key")
				require.True(t, h.ask(gate.Request{KeyID: id}).Allowed)
			}
			var admitted atomic.Int64
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: []string{"a", "b"}[i%2], Costs: costs(10), More: true})
					if err != nil {
						t.Error(err)
					}
					if d.Allowed {
						admitted.Add(10)
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 100, admitted.Load())
			require.NoError(t, h.gate.Close()) // gives back what is leased
			require.Equal(t, []int64{100}, h.today("acme"))
			h.unit = ""
			require.Equal(t, []int64{2}, h.today("acme"))
		})
	}
}

// TestCorrectMore settles and refunds further costs. The request itself stays charged.
func TestCorrectMore(t *testing.T) {
	seen := new(witness)
	h := newTokens(t, func(cfg *parts) { cfg.Observer = seen })
	k, _, p := h.linked(usageplan.Plan{Quotas: quotasOf("1/day", "100 tokens/day")})
	request := h.admit(gate.Request{KeyID: k.ID, Costs: costs(5)})
	more := func(n int64) *gate.Decision {
		d := h.admit(gate.Request{KeyID: k.ID, Costs: costs(n), More: true})
		require.True(t, d.Allowed)
		return &d
	}
	first, second := more(40), more(50)
	for i, step := range []struct {
		do   func() error
		used []int64
	}{
		{func() error { return h.gate.Settle(t.Context(), first, costs(20)) }, []int64{1, 75}},
		{func() error { return h.gate.Refund(t.Context(), first) }, []int64{1, 75}}, // it is settled
		{func() error { return h.gate.Refund(t.Context(), second) }, []int64{1, 25}},
		{func() error { return h.gate.Refund(t.Context(), &request) }, []int64{0, 20}},
	} {
		require.NoError(t, step.do(), i)
		require.Equal(t, step.used, h.records(p.ID, k.ID, tokens), i)
		require.Equal(t, step.used, h.levels(k.ID), i)
	}
	var told []string
	for _, c := range seen.corrected {
		told = append(told, fmt.Sprintf("more %t refund %t", c.Outcome.More, c.Refund))
	}
	require.Equal(t, []string{"more true refund false", "more true refund true", "more false refund true"}, told)
}

// TestMoreOfOddRequests checks requests that are More and that are unusual.
func TestMoreOfOddRequests(t *testing.T) {
	h := newFixture(t, func(cfg *parts) { cfg.Units = usageplan.Units{{Name: "tokens", Required: true}} })
	k, _, _ := h.linked(usageplan.Plan{Quotas: quotasOf("9 tokens/day", "1/day")})
	for name, test := range map[string]struct {
		req  gate.Request
		want string // the error
	}{
		"no cost of a required unit": {gate.Request{Costs: costs(0)}, ""},
		"an ID":                      {gate.Request{Costs: costs(1), ID: "once"}, "gate: invalid request: id: 4 bytes: want none if more is set"},
		"a negative cost":            {gate.Request{Costs: costs(-1)}, "gate: invalid request: costs[0]"},
	} {
		test.req.KeyID, test.req.More = k.ID, true
		d, err := h.gate.Admit(t.Context(), test.req)
		if test.want == "" {
			require.NoError(t, err, name)
			require.True(t, d.Allowed, name)
			continue
		}
		require.ErrorIs(t, err, gate.ErrInvalid, name)
		require.ErrorContains(t, err, test.want, name)
		require.Equal(t, gate.Invalid, d.Reason, name)
	}
	require.Equal(t, gate.Admitted, h.admit(gate.Request{KeyID: k.ID, Costs: costs(9)}).Reason, "nothing was charged before")
}

// TestMoreWithoutEnforce turns the limits off. Further costs are counted above a limit.
func TestMoreWithoutEnforce(t *testing.T) {
	h := newTokens(t, func(cfg *parts) { cfg.Account = throttle(0, 1) })
	k, _, p := h.linked(usageplan.Plan{Throttle: throttle(0, 0), Quotas: quotasOf("1/day", "10 tokens/day")})
	h.gate.Enforce(false)

	d := h.admit(gate.Request{KeyID: k.ID, Costs: costs(11), More: true})

	require.True(t, d.Allowed)
	var would []string
	for l := range d.WouldRefuse() {
		would = append(would, l.Name)
	}
	require.Equal(t, []string{"tokens/day"}, would)
	require.Equal(t, []int64{0, 11}, h.records(p.ID, k.ID, tokens))
}

// TestMoreInAnOutage checks which limits the failure policy asks about further costs: not
// those of requests.
func TestMoreInAnOutage(t *testing.T) {
	closed := gate.FailurePolicy{Throttle: gate.FailClosed}
	for name, test := range map[string]struct {
		plan   usageplan.Plan
		policy gate.FailurePolicy
		want   []bool // of 40 tokens, three times
	}{
		"a quota of requests":            {usageplan.Plan{Quotas: perDay(9)}, gate.FailurePolicy{}, []bool{true, true, true}},
		"a quota of tokens":              {usageplan.Plan{Quotas: tokensPerDay(900)}, gate.FailurePolicy{}, []bool{false, false, false}},
		"a soft quota of tokens":         {usageplan.Plan{Quotas: quotasOf("9 tokens/day soft", "1/day")}, gate.FailurePolicy{}, []bool{true, true, true}},
		"a throttle of requests":         {usageplan.Plan{Throttle: throttle(1, 1)}, gate.FailurePolicy{}, []bool{true, true, true}},
		"a closed throttle of requests":  {usageplan.Plan{Throttle: throttle(1, 1)}, closed, []bool{true, true, true}},
		"a throttle of tokens":           {usageplan.Plan{Throttles: tokensPerSecond(1e-6, 100)}, gate.FailurePolicy{}, []bool{true, true, false}},
		"a closed throttle of tokens":    {usageplan.Plan{Throttles: tokensPerSecond(1, 100)}, closed, []bool{false, false, false}},
		"a blocking throttle of a route": {usageplan.Plan{Routes: map[string]limiter.Limit{"GET /": {}}}, closed, []bool{true, true, true}},
	} {
		h := newTokens(t, func(cfg *parts) {
			cfg.OnFailure, cfg.Account = test.policy, throttle(0, 0)
			cfg.Counter = fails{cfg.Counter, func(*store.Charge) bool { return true }}
		})
		k, _, _ := h.linked(test.plan)
		for i, want := range test.want {
			d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: k.ID, Route: "GET /", Costs: costs(40), More: true})
			require.ErrorIs(t, err, errBroken, name)
			require.Equal(t, want, d.Allowed, "%s %d", name, i)
			require.False(t, d.Charged, name)
		}
	}
}

// TestMoreIsNoUse checks that a stream is used when it begins, also by the records of the
// secrets of a rotation.
func TestMoreIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t)
		k, _, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(100)})
		_, secret, err := h.keys.Rotate(t.Context(), k.ID, 24*time.Hour)
		require.NoError(t, err)
		began := minute(time.Now())
		require.Equal(t, gate.Admitted, h.admit(gate.Request{Secret: secret}).Reason)

		time.Sleep(time.Hour)
		require.Equal(t, gate.Admitted, h.admit(gate.Request{Secret: secret, Costs: costs(7), More: true}).Reason)

		u := h.lastUsed(k.ID)
		require.Equal(t, began, u.At)
		require.Equal(t, began, u.Rotation.Current)
		require.Equal(t, []int64{1, 7}, h.records(p.ID, k.ID, tokens))
	})
}

// TestMoreReached checks what alerts are told of further costs.
func TestMoreReached(t *testing.T) {
	seen := new(reachedLog)
	h := newTokens(t, func(cfg *parts) { cfg.Observer = seen })
	k, _, _ := h.linked(usageplan.Plan{Quotas: quotasOf("1/day", "10 tokens/day")})
	for i, step := range []struct {
		more bool
		cost int64
		want string
	}{
		{false, 4, "key day 1/1 +1 100% of [50 100]"},
		{true, 2, "key day 1/1 +0 100% of [50 100]; key tokens/day 6/10 +2 50% of [50 100]"},
		{true, 4, "key day 1/1 +0 100% of [50 100]; key tokens/day 10/10 +4 100% of [50 100]"},
	} {
		h.admit(gate.Request{KeyID: k.ID, Costs: costs(step.cost), More: step.more})
		require.Equal(t, step.want, seen.take(), i)
	}
}

// TestMoreWithoutUnits checks that a request that is More only has its key checked if the
// service has no units. The fast path of a Counter would charge a request.
func TestMoreWithoutUnits(t *testing.T) {
	seen := new(witness)
	h := newFixture(t, func(cfg *parts) { cfg.Observer = seen })
	k, secret, p := h.linked(usageplan.Plan{Throttle: throttle(1e-6, 1), Quotas: perDay(1)})
	require.Equal(t, gate.Admitted, h.reason(secret))
	for range 3 {
		require.Equal(t, gate.Admitted, h.admit(gate.Request{Secret: secret, More: true}).Reason)
	}
	require.Equal(t, []int64{1}, h.records(p.ID, k.ID, nil))
	require.Equal(t, []int64{1, 1}, h.levels(k.ID))
	require.True(t, seen.decided[1].Outcome.More)

	o, err := h.gate.Identify(context.Background(), gate.Request{Secret: secret, More: true})
	require.NoError(t, err)
	require.True(t, o.More)
}
