package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestFailurePolicy sends three requests at once, against a burst of two, while the
// Counter fails.
func TestFailurePolicy(t *testing.T) {
	throttled := usageplan.Plan{Throttle: throttle(1, 2)}
	quota := usageplan.Plan{Quotas: perDay(2)}
	both := usageplan.Plan{Throttle: throttle(1, 2), Quotas: perDay(2)}
	open := gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
	for _, test := range []struct {
		name   string
		policy gate.FailurePolicy
		plan   usageplan.Plan
		want   [3]bool
	}{
		{"throttles use local buckets", gate.FailurePolicy{}, throttled, [3]bool{true, true, false}},
		{"quotas refuse", gate.FailurePolicy{}, quota, [3]bool{}},
		{"the strictest counts", gate.FailurePolicy{}, both, [3]bool{}},
		{"no limits", gate.FailurePolicy{}, usageplan.Plan{}, [3]bool{true, true, true}},
		{"open quotas, local throttle", gate.FailurePolicy{Quota: gate.FailOpen}, both, [3]bool{true, true, false}},
		{"all open", open, both, [3]bool{true, true, true}},
		{"throttles closed", gate.FailurePolicy{Throttle: gate.FailClosed}, throttled, [3]bool{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := &broken{Store: memory.New(memory.Config{})}
			h := newFixture(t, func(cfg *parts) {
				cfg.Keys, cfg.Plans, cfg.Counter, cfg.OnFailure = st, st, st, test.policy
			})
			h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
			_, secret, _ := h.linked(test.plan)
			st.takes.Store(true)
			for i, want := range test.want {
				d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, want, d.Allowed, "request %d", i)
				if d.Allowed {
					require.Equal(t, gate.StoreFailed, d.Reason)
				}
			}
			st.takes.Store(false)
			require.Equal(t, gate.Admitted, h.reason(secret), "the local bucket does not count once the Counter is back")
		})
	}
}

// TestFallbackNeverFits checks that the local buckets refuse a cost that can never fit
// with NeverFits, as the Counter would.
func TestFallbackNeverFits(t *testing.T) {
	for name, test := range map[string]struct {
		plan    usageplan.Plan
		account *limiter.Limit
		cost    int64
		want    gate.Reason
		retry   time.Duration
	}{
		"a plan that blocks":              {usageplan.Plan{Throttle: throttle(0, 0)}, nil, 1, gate.NeverFits, store.Never},
		"above the burst":                 {usageplan.Plan{Throttles: tokensPerSecond(1, 5)}, nil, 6, gate.NeverFits, store.Never},
		"an account that blocks":          {usageplan.Plan{}, &limiter.Limit{}, 1, gate.NeverFits, store.Never},
		"tokens are left":                 {usageplan.Plan{Throttles: tokensPerSecond(1, 5)}, nil, 5, gate.StoreFailed, 0},
		"within the burst of the account": {usageplan.Plan{}, throttle(1, 1), 1, gate.StoreFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newTokens(t, func(cfg *parts) {
				cfg.Account = test.account
				cfg.Counter = fails{cfg.Counter, func(c *store.Charge) bool { return test.account == nil || charges(c, "\xffaccount") }}
			})
			_, secret, _ := h.linked(test.plan)
			for _, decide := range []func(context.Context, gate.Request) (gate.Decision, error){h.gate.Peek, h.gate.Admit} {
				d, err := decide(t.Context(), gate.Request{Secret: secret, Costs: costs(test.cost)})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, test.want, d.Reason)
				require.Equal(t, test.retry, d.RetryAfter)
				require.Equal(t, test.want == gate.StoreFailed, d.Allowed)
			}
		})
	}
}

// TestFallbackPeek checks that Peek reads the local buckets of a key and of the
// account, and takes nothing from them.
func TestFallbackPeek(t *testing.T) {
	for _, account := range []bool{false, true} {
		h := newFixture(t, func(cfg *parts) {
			if account {
				cfg.Account = throttle(1e-8, 2)
			}
			cfg.Counter = fails{cfg.Counter, func(c *store.Charge) bool { return !account || charges(c, "\xffaccount") }}
		})
		plan := usageplan.Plan{}
		if !account {
			plan.Throttle = throttle(1e-8, 2)
		}
		_, secret, _ := h.linked(plan)
		for left := 2; left >= 0; left-- {
			for range 3 {
				d, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, left > 0, d.Allowed, "account=%v, %d are left", account, left)
			}
			d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
			require.ErrorIs(t, err, errBroken)
			require.Equal(t, left > 0, d.Allowed, "account=%v, %d are left", account, left)
		}
	}
}

// TestInvalidCharge checks that no failure policy applies to a charge that breaks a
// rule.
func TestInvalidCharge(t *testing.T) {
	open := gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
	for _, policy := range []gate.FailurePolicy{{}, open} {
		h := newFixture(t, func(cfg *parts) {
			cfg.Counter, cfg.OnFailure = storetest.Faulty(cfg.Counter, storetest.Fault{Err: store.ErrInvalid}), policy
		})
		_, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 5)})
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.False(t, d.Allowed)
		require.Equal(t, gate.StoreFailed, d.Reason)
	}
}

// hanging is a Counter that answers only when its ctx is done.
type hanging struct{}

func (hanging) Take(ctx context.Context, _ *store.Charge) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestTimeout checks that Config.Timeout bounds a decision. A request that has gone
// away is refused whatever the policy says.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) { cfg.Counter = hanging{} })
		k, _, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 2)})
		h.gate.Close()
		began := time.Now()
		d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: k.ID})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "timeout: 100ms: ")
		require.True(t, d.Allowed, "by a local bucket")
		require.Equal(t, 100*time.Millisecond, time.Since(began))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d, err = h.gate.Admit(ctx, gate.Request{KeyID: k.ID})
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, d.Allowed)
	})
}

// TestFailLocalQuota checks that FailLocal is no policy of quotas, and that every
// other policy is accepted. One process of many cannot count a quota.
func TestFailLocalQuota(t *testing.T) {
	st := memory.New(memory.Config{})
	for _, policy := range []gate.FailurePolicy{{Quota: gate.FailLocal}, {Throttle: gate.FailOpen, Quota: gate.FailLocal}} {
		_, err := gate.New(st, st, st, gate.Config{OnFailure: policy})
		require.ErrorIs(t, err, gate.ErrInvalid)
		require.ErrorContains(t, err, "onFailure.quota: FailLocal: want FailDefault, FailOpen or FailClosed")
	}
	for throttle := gate.FailDefault; throttle <= gate.FailLocal; throttle++ {
		for quota := gate.FailDefault; quota <= gate.FailClosed; quota++ {
			g, err := gate.New(st, st, st, gate.Config{OnFailure: gate.FailurePolicy{Throttle: throttle, Quota: quota}})
			require.NoError(t, err)
			g.Close()
		}
	}
}
