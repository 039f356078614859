package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestPeek compares Peek with Admit on a timeline. After RetryAfter the request is
// admitted. For a quota RetryAfter is exact.
func TestPeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t)
		_, secret, _ := h.linked(usageplan.Plan{Throttles: tokensPerSecond(2, 4), Quotas: tokensPerDay(10)})
		for i, step := range []struct {
			after time.Duration
			take  bool
			cost  int64
			want  gate.Reason
			retry time.Duration
		}{
			{0, false, 4, gate.Admitted, 0},
			{0, false, 5, gate.NeverFits, store.Never},
			{0, false, store.MaxUnits, gate.NeverFits, store.Never},
			{0, true, 3, gate.Admitted, 0},
			{0, false, 2, gate.Throttled, 500 * time.Millisecond},
			{500 * time.Millisecond, true, 2, gate.Admitted, 0},
			{2 * time.Second, true, 4, gate.Admitted, 0},
			{2 * time.Second, false, 2, gate.QuotaExceeded, 24*time.Hour - 4500*time.Millisecond},
			{0, true, 1, gate.Admitted, 0},
		} {
			time.Sleep(step.after)
			decide := h.gate.Peek
			if step.take {
				decide = h.gate.Admit
			}
			d, err := decide(t.Context(), gate.Request{Secret: secret, Costs: costs(step.cost)})
			require.NoError(t, err)
			require.Equal(t, step.want.String(), d.Reason.String(), "step %d", i)
			require.Equal(t, step.want == gate.Admitted, d.Allowed, "step %d", i)
			require.Equal(t, step.retry, d.RetryAfter, "step %d", i)
		}
	})
}

// TestPeekHuge peeks with a cost that, together with what was counted already, is more
// than can be counted.
func TestPeekHuge(t *testing.T) {
	h := newTokens(t)
	_, secret, _ := h.linked(usageplan.Plan{})
	const most = store.MaxUnits
	for i, cost := range []int64{most, 1, most} {
		req := gate.Request{Secret: secret, Costs: costs(cost)}
		peeked, err := h.gate.Peek(t.Context(), req)
		require.NoError(t, err)
		d := h.admit(req)
		require.Equal(t, i == 0, d.Allowed, cost)
		require.Equal(t, d.Allowed, peeked.Allowed, cost)
		require.Equal(t, d.Reason, peeked.Reason, cost)
		require.Equal(t, d.RetryAfter, peeked.RetryAfter, cost)
	}
}

// TestPeekExtended peeks in a window that was extended, with a cost above the quota's
// own limit.
func TestPeekExtended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t)
		k, secret, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
		require.NoError(t, h.gate.SetRemaining(t.Context(), p.ID, k.ID, "day", 20))
		h.admit(gate.Request{Secret: secret, Costs: costs(9)})
		for cost, want := range map[int64]gate.Reason{11: gate.Admitted, 12: gate.NeverFits, 20: gate.NeverFits} {
			req := gate.Request{Secret: secret, Costs: costs(cost)}
			peeked, err := h.gate.Peek(t.Context(), req)
			require.NoError(t, err)
			require.Equal(t, want.String(), peeked.Reason.String(), cost)
			if want == gate.NeverFits {
				require.Equal(t, want, h.admit(req).Reason, cost)
			}
		}
	})
}
