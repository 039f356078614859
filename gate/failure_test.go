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

// TestFailurePolicy is what becomes of three requests at once, against a burst of two,
// when the Counter fails.
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
		{"throttles are local", gate.FailurePolicy{}, throttled, [3]bool{true, true, false}},
		{"quotas close", gate.FailurePolicy{}, quota, [3]bool{}},
		{"the strictest counts", gate.FailurePolicy{}, both, [3]bool{}},
		{"no limits", gate.FailurePolicy{}, usageplan.Plan{}, [3]bool{true, true, true}},
		{"open quotas, local throttle", gate.FailurePolicy{Quota: gate.FailOpen}, both, [3]bool{true, true, false}},
		{"all open", open, both, [3]bool{true, true, true}},
		{"throttles closed", gate.FailurePolicy{Throttle: gate.FailClosed}, throttled, [3]bool{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := &broken{Store: memory.New(memory.Config{})}
			h := newHouse(t, func(cfg *parts) {
				cfg.Keys, cfg.Plans, cfg.Counter, cfg.OnFailure = st, st, st, test.policy
			})
			h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st))
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
			require.Equal(t, gate.Admitted, h.reason(secret), "nothing of it is left when the Counter is back")
		})
	}
}

// TestFallbackNeverFits says so of what a bucket never holds, and not that waiting helps,
// as the Counter would.
func TestFallbackNeverFits(t *testing.T) {
	for name, test := range map[string]struct {
		plan    usageplan.Plan
		account *limiter.Limit
		cost    int64
		want    gate.Reason
		retry   time.Duration
	}{
		"a plan that blocks":      {usageplan.Plan{Throttle: throttle(0, 0)}, nil, 1, gate.NeverFits, store.Never},
		"above the burst":         {usageplan.Plan{Throttle: throttle(1, 5), ThrottleByCost: true}, nil, 6, gate.NeverFits, store.Never},
		"an account that blocks":  {usageplan.Plan{}, &limiter.Limit{}, 1, gate.NeverFits, store.Never},
		"a token is to be had":    {usageplan.Plan{Throttle: throttle(1, 5), ThrottleByCost: true}, nil, 5, gate.StoreFailed, 0},
		"not within this account": {usageplan.Plan{}, throttle(1, 1), 1, gate.StoreFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(cfg *parts) {
				cfg.Account = test.account
				cfg.Counter = fails{cfg.Counter, func(c *store.Charge) bool { return test.account == nil || c.Subject == "account" }}
			})
			_, secret, _ := h.linked(test.plan)
			for _, decide := range []func(context.Context, gate.Request) (gate.Decision, error){h.gate.Peek, h.gate.Admit} {
				d, err := decide(t.Context(), gate.Request{Secret: secret, Cost: test.cost})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, test.want, d.Reason)
				require.Equal(t, test.retry, d.RetryAfter)
				require.Equal(t, test.want == gate.StoreFailed, d.Allowed)
			}
		})
	}
}

// TestFallbackPeek looks at the buckets of this process, a key's and the account's, and
// takes nothing of them.
func TestFallbackPeek(t *testing.T) {
	for _, account := range []bool{false, true} {
		h := newHouse(t, func(cfg *parts) {
			if account {
				cfg.Account = throttle(1e-8, 2)
			}
			cfg.Counter = fails{cfg.Counter, func(c *store.Charge) bool { return !account || c.Subject == "account" }}
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

// TestInvalidCharge gets no benefit of a failure policy: it is no failure.
func TestInvalidCharge(t *testing.T) {
	open := gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
	for _, policy := range []gate.FailurePolicy{{}, open} {
		h := newHouse(t, func(cfg *parts) {
			cfg.Counter, cfg.OnFailure = storetest.Faulty(cfg.Counter, storetest.Fault{Err: store.ErrInvalid}), policy
		})
		_, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 5)})
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.False(t, d.Allowed)
		require.Equal(t, gate.StoreFailed, d.Reason)
	}
}

// hanging is a Counter that answers when its ctx is done, and not before.
type hanging struct{}

func (hanging) Take(ctx context.Context, _ *store.Charge) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestTimeout bounds a decision; a request that has gone away gets no benefit of the
// policy.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(cfg *parts) { cfg.Counter = hanging{} })
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

// TestFailLocalQuota: a process of many cannot count a quota by itself, and so FailLocal
// is no policy of quotas.
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
