package gate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestSharedThrottles is a timeline of two keys under an account's throttle of 4 and a
// stage's of 2, each with one token a second.
func TestSharedThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) {
			cfg.Account = throttle(1, 4)
			cfg.Stages = map[usageplan.Stage]limiter.Limit{
				{API: "pets", Name: "prod"}: {Rate: 1, Burst: 2},
				{API: "pets", Name: "test"}: {Rate: rate.Inf},
			}
		})
		ctx := t.Context()
		type client struct {
			plan, key string
			secret    apikey.Secret
		}
		var clients [2]client
		for i := range clients {
			k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(10), Throttle: throttle(1, 10)})
			clients[i] = client{p.ID, k.ID, secret}
		}
		for i, step := range []struct {
			after   time.Duration
			who     int
			stage   string
			refused string // the shared throttle that refused
			wait    time.Duration
		}{
			{who: 0, stage: "prod"},
			{who: 1, stage: "prod"},
			{who: 1, stage: "prod", refused: "stage", wait: time.Second},
			{who: 0, stage: "test"},
			{who: 0},
			{who: 0, refused: "account", wait: time.Second},
			{who: 1, stage: "test", refused: "account", wait: time.Second},
			{after: 500 * time.Millisecond, who: 1, stage: "prod", refused: "stage", wait: 500 * time.Millisecond},
			{after: 500 * time.Millisecond, who: 1},
			{who: 1, stage: "prod", refused: "account", wait: time.Second}, // the stage's token is given back
			{after: time.Second, who: 1, stage: "prod"},
			{who: 0, stage: "prod", refused: "account", wait: time.Second},
		} {
			time.Sleep(step.after)
			req := gate.Request{Secret: clients[step.who].secret, Stage: step.stage}
			if step.stage != "" {
				req.API = "pets"
			}
			peeked, err := h.gate.Peek(ctx, req)
			require.NoError(t, err)
			d := h.admit(req)
			require.Equal(t, d.Allowed, peeked.Allowed, i)
			require.Equal(t, d.Reason, peeked.Reason, i)
			require.Equal(t, step.refused == "", d.Allowed, i)
			if d.Allowed {
				continue
			}
			limit, ok := errors.AsType[*gate.LimitError](d.Err())
			require.True(t, ok)
			require.Equal(t, gate.Throttled, limit.Reason, i)
			payer := map[string]gate.Payer{"account": {Kind: gate.PayerAccount}, "stage": {Kind: gate.PayerStage, ID: "pets:prod"}}[step.refused]
			require.Equal(t, []gate.RefusedLimit{{Payer: payer, Name: "throttle", Unit: "requests", Wait: step.wait}}, limit.Limits, i)
			require.Equal(t, step.refused, refusedBy(&d), i)
			require.ErrorContains(t, limit, "refused: throttled: throttle of "+payer.String(), i)
			require.False(t, d.Charged)
			require.Equal(t, step.wait, limit.RetryAfter, i)
		}
		for i, want := range []int64{3, 3} { // refused requests got tokens and units back
			days, err := h.gate.UsageByDay(ctx, clients[i].plan, clients[i].key, "", 1)
			require.NoError(t, err)
			require.Equal(t, []int64{want}, used(days))
			d, err := h.gate.Peek(ctx, gate.Request{Secret: clients[i].secret})
			require.NoError(t, err)
			for l := range d.Levels() {
				if l.IsQuota() {
					require.EqualValues(t, 10-want, l.Remaining())
				} else {
					require.GreaterOrEqual(t, l.Remaining(), 10-want)
				}
			}
		}
	})
}

// TestSharedTogether charges many keys at the same time. The account's throttle is
// never exceeded, and what is counted is what was admitted.
func TestSharedTogether(t *testing.T) {
	const burst = 50
	h := newFixture(t, func(cfg *parts) { cfg.Account = throttle(1e-8, burst) })
	type client struct{ plan, key string }
	var clients []client
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(1000)})
		clients = append(clients, client{p.ID, k.ID})
		for range 4 {
			wg.Go(func() {
				for range 20 {
					d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
					if err != nil {
						t.Error(err)
					}
					if d.Allowed {
						admitted.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	require.EqualValues(t, burst, admitted.Load())
	sum := int64(0)
	for _, c := range clients {
		days, err := h.gate.UsageByDay(t.Context(), c.plan, c.key, "", 1)
		require.NoError(t, err)
		sum += days[0].Used
	}
	require.EqualValues(t, burst, sum)
}

// fails is a Counter that fails for some charges.
type fails struct {
	store.Counter
	when func(c *store.Charge) bool
}

func (f fails) Take(ctx context.Context, c *store.Charge) error {
	if f.when(c) {
		return errBroken
	}
	return f.Counter.Take(ctx, c)
}

// charges reports whether a part of c is of the subject.
func charges(c *store.Charge, subject string) bool {
	return slices.ContainsFunc(c.Parts, func(p store.Part) bool { return p.Subject == subject })
}

// TestSharedFails sends three requests while the Counter fails. The key's throttle has a
// burst of three, and the account's a burst of two.
func TestSharedFails(t *testing.T) {
	for _, test := range []struct {
		policy gate.Failure
		quotas []quota.Quota
		want   [3]bool
	}{
		{gate.FailDefault, nil, [3]bool{true, true, false}},
		{gate.FailDefault, perDay(10), [3]bool{}}, // the quota closes
		{gate.FailOpen, nil, [3]bool{true, true, true}},
		{gate.FailClosed, nil, [3]bool{}},
	} {
		t.Run(fmt.Sprint(test.policy, len(test.quotas)), func(t *testing.T) {
			h := newFixture(t, func(cfg *parts) {
				cfg.Counter = fails{cfg.Counter, func(c *store.Charge) bool { return charges(c, "\xffaccount") }}
				cfg.Account, cfg.OnFailure.Throttle = throttle(1e-8, 2), test.policy
			})
			k, secret, p := h.linked(usageplan.Plan{Throttle: throttle(1e-8, 3), Quotas: test.quotas})
			for i, want := range test.want {
				d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, want, d.Allowed, i)
				if want {
					require.Equal(t, gate.StoreFailed, d.Reason)
				} else if test.want[0] {
					require.Equal(t, "account", refusedBy(&d))
				}
			}
			days, err := h.gate.UsageByDay(t.Context(), p.ID, k.ID, "", 1)
			require.NoError(t, err)
			require.Equal(t, []int64{0}, used(days))
		})
	}
}

// TestGatesApart checks that two Gates with other figures for the account do not drain
// each other's bucket, and that two Gates with the same figures share one.
func TestGatesApart(t *testing.T) {
	st := memory.New(memory.Config{})
	gates := map[string]*fixture{}
	for name, account := range map[string]*limiter.Limit{"small": throttle(1e-8, 3), "same": throttle(1e-8, 3), "large": throttle(1e-8, 9)} {
		gates[name] = newFixture(t, func(cfg *parts) { cfg.Counter, cfg.Account = st, account })
	}
	for i, step := range []struct {
		gate     string
		ask      int
		admitted int
	}{{"large", 4, 4}, {"small", 2, 2}, {"same", 2, 1}, {"small", 1, 0}, {"large", 9, 5}} {
		h := gates[step.gate]
		_, secret, _ := h.linked(usageplan.Plan{})
		require.Equal(t, step.admitted, h.admitted(secret, time.Now(), step.ask), i)
	}
}

// TestSharedLevels checks the levels of the key's own limits after a shared throttle
// has refused: they include what was given back.
func TestSharedLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t, func(cfg *parts) { cfg.Account = throttle(1e-8, 1) })
		_, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 5), Quotas: tokensPerDay(10)})
		for _, allowed := range []bool{true, false, false} {
			d := h.admit(gate.Request{Secret: secret, Costs: costs(3)})
			require.Equal(t, allowed, d.Allowed)
			peeked, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
			require.NoError(t, err)
			require.Equal(t, slices.Collect(peeked.Levels()), slices.Collect(d.Levels()))
			require.EqualValues(t, 7, d.Level(1).Remaining())
		}
	})
}

// TestStagesApart uses two stages whose names would be equal if API and stage were
// simply joined.
func TestStagesApart(t *testing.T) {
	one := limiter.Limit{Rate: 1e-8, Burst: 1}
	h := newFixture(t, func(cfg *parts) {
		cfg.Stages = map[usageplan.Stage]limiter.Limit{{API: "a/b", Name: "c"}: one, {API: "a", Name: "b/c"}: one, {API: "a", Name: "b:c"}: one}
	})
	_, secret, _ := h.linked(usageplan.Plan{})
	for stage := range map[usageplan.Stage]bool{{API: "a/b", Name: "c"}: true, {API: "a", Name: "b/c"}: true, {API: "a", Name: "b:c"}: true} {
		for _, want := range []gate.Reason{gate.Admitted, gate.Throttled} {
			require.Equal(t, want, h.admit(gate.Request{Secret: secret, API: stage.API, Stage: stage.Name}).Reason, stage)
		}
	}
}

// TestBadSharing checks that New names every fault of the shared throttles.
func TestBadSharing(t *testing.T) {
	st := memory.New(memory.Config{})
	_, err := gate.New(st, st, st, gate.Config{
		KeepIDs: -1,
		Account: &limiter.Limit{Rate: -1, Burst: 1},
		Stages:  map[usageplan.Stage]limiter.Limit{{API: strings.Repeat("x", 600), Name: "s"}: {Rate: 1, Burst: 1}, {API: "a", Name: "b"}: {Rate: 1, Burst: -1}, {API: "a:b", Name: "c"}: {Rate: 1, Burst: 1}},
	})
	require.ErrorIs(t, err, gate.ErrInvalid)
	for _, want := range []string{"keepIDs: -1", "account.rate: -1", `stages["a:b"].burst: -1`, "609 bytes", `stages["a:b:c"]: want an API, without a ':'`} {
		require.ErrorContains(t, err, want)
	}
}
