package usageplan_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestFailurePolicy is what becomes of three requests at once, against a burst of two, when the Counter fails.
func TestFailurePolicy(t *testing.T) {
	throttled := usageplan.Plan{Throttle: throttle(1, 2)}
	quota := usageplan.Plan{Quotas: perDay(2)}
	both := usageplan.Plan{Throttle: throttle(1, 2), Quotas: perDay(2)}
	open := usageplan.FailurePolicy{Throttle: usageplan.FailOpen, Quota: usageplan.FailOpen}
	for _, test := range []struct {
		name   string
		policy usageplan.FailurePolicy
		plan   usageplan.Plan
		want   [3]bool
	}{
		{"throttles are local", usageplan.FailurePolicy{}, throttled, [3]bool{true, true, false}},
		{"quotas close", usageplan.FailurePolicy{}, quota, [3]bool{}},
		{"the strictest counts", usageplan.FailurePolicy{}, both, [3]bool{}},
		{"no limits", usageplan.FailurePolicy{}, usageplan.Plan{}, [3]bool{true, true, true}},
		{"open quotas, local throttle", usageplan.FailurePolicy{Quota: usageplan.FailOpen}, both, [3]bool{true, true, false}},
		{"all open", open, both, [3]bool{true, true, true}},
		{"throttles closed", usageplan.FailurePolicy{Throttle: usageplan.FailClosed}, throttled, [3]bool{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := &broken{Store: memory.New(memory.Config{})}
			h := newHouse(t, func(cfg *usageplan.GateConfig) {
				cfg.Keys, cfg.Plans, cfg.Counter, cfg.OnFailure = st, st, st, test.policy
			})
			h.keys, h.plans = apikey.NewService(st, apikey.Config{}), usageplan.NewService(st, st, usageplan.ServiceConfig{})
			_, secret, _ := h.linked(test.plan)
			st.takes.Store(true)
			for i, want := range test.want {
				d, err := h.gate.Admit(t.Context(), usageplan.Request{Secret: secret})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, want, d.Allowed, "request %d", i)
				if d.Allowed {
					require.Equal(t, usageplan.StoreFailed, d.Reason)
				}
			}
			st.takes.Store(false)
			require.Equal(t, usageplan.Admitted, h.reason(secret), "nothing of it is left when the Counter is back")
		})
	}
}

// hanging is a Counter that answers when its ctx is done, and not before.
type hanging struct{}

func (hanging) Take(ctx context.Context, _ *store.Charge) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestTimeout bounds a decision; a request that has gone away gets no benefit of the policy.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(cfg *usageplan.GateConfig) { cfg.Counter = hanging{} })
		k, _, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 2)})
		h.gate.Close()
		began := time.Now()
		d, err := h.gate.Admit(t.Context(), usageplan.Request{KeyID: k.ID})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, d.Allowed, "by a local bucket")
		require.Equal(t, 100*time.Millisecond, time.Since(began))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d, err = h.gate.Admit(ctx, usageplan.Request{KeyID: k.ID})
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, d.Allowed)
	})
}
