package gate_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestSettle charges an estimate to a quota of 10 and settles it. It checks what was
// used and whether a further request fits.
func TestSettle(t *testing.T) {
	for _, test := range []struct {
		estimate, actual, used int64
		next                   gate.Reason // of a further request of 1
	}{
		{4, 4, 4, gate.Admitted},
		{4, 1, 1, gate.Admitted},
		{4, 0, 0, gate.Admitted},
		{10, 9, 9, gate.Admitted},
		{4, 9, 9, gate.Admitted},
		{4, 10, 10, gate.QuotaExceeded},
		{4, 25, 25, gate.QuotaExceeded},
		{1, 1 << 40, 1 << 40, gate.QuotaExceeded},
	} {
		t.Run(fmt.Sprintf("%d becomes %d", test.estimate, test.actual), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, ctx := newTokens(t), t.Context()
				k, secret, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(10), Throttle: throttle(1, 2)})
				d := h.admit(gate.Request{Secret: secret, Costs: costs(test.estimate)})
				time.Sleep(time.Second)
				for range 3 {
					require.NoError(t, h.gate.Settle(ctx, &d, costs(test.actual)))
				}
				days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 1)
				require.NoError(t, err)
				require.Equal(t, []int64{test.used}, used(days))
				windows, err := h.gate.UsageByWindow(ctx, p.ID, k.ID, "day", 1)
				require.NoError(t, err)
				require.Equal(t, []int64{test.used}, used(windows))
				require.EqualValues(t, 10, windows[0].Limit)
				require.Equal(t, test.next, h.spend(secret, 1))
				time.Sleep(24 * time.Hour)
				require.Equal(t, gate.Admitted, h.spend(secret, 1), "tomorrow")
			})
		})
	}
}

// TestSettleWindow settles after midnight. The window that was charged is corrected.
func TestSettleWindow(t *testing.T) {
	for _, actual := range []int64{1, 30} {
		synctest.Test(t, func(t *testing.T) {
			h, ctx := newTokens(t), t.Context()
			k, secret, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
			d := h.admit(gate.Request{Secret: secret, Costs: costs(5)})
			time.Sleep(25 * time.Hour)
			h.spend(secret, 1)
			require.NoError(t, h.gate.Settle(ctx, &d, costs(actual)))
			days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 2)
			require.NoError(t, err)
			require.Equal(t, []int64{actual, 1}, used(days))
		})
	}
}

// TestSettlePeek settles a Decision of Peek, which was charged nothing.
func TestSettlePeek(t *testing.T) {
	h, ctx := newTokens(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
	d, err := h.gate.Peek(ctx, gate.Request{Secret: secret})
	require.NoError(t, err)
	require.NoError(t, h.gate.Settle(ctx, &d, costs(12)))
	require.Equal(t, gate.QuotaExceeded, h.spend(secret, 1))
	days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 1)
	require.NoError(t, err)
	require.Equal(t, []int64{12}, used(days))
}

// TestSettleHuge settles more than can be counted, by itself or together with what
// others used. Settle may be called again after the error.
func TestSettleHuge(t *testing.T) {
	for huge, why := range map[int64]string{
		store.MaxUnits + 1: "want 0 to 2^53-1", math.MaxInt64: "want 0 to 2^53-1", store.MaxUnits: "beside the rest",
	} {
		h, ctx := newTokens(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(100)})
		h.admit(gate.Request{Secret: secret, Costs: costs(7)})
		d := h.admit(gate.Request{Secret: secret, Costs: costs(10)})
		require.ErrorContains(t, h.gate.Settle(ctx, &d, costs(huge)), why)
		for _, step := range []struct {
			actual, used int64
			err          error
		}{
			{huge, 17, gate.ErrInvalid}, {-1, 17, gate.ErrInvalid}, {store.MaxUnits - 7, store.MaxUnits, nil}, {1, store.MaxUnits, nil},
		} {
			require.ErrorIs(t, h.gate.Settle(ctx, &d, costs(step.actual)), step.err)
			days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 1)
			require.NoError(t, err)
			require.Equal(t, []int64{step.used}, used(days))
		}
	}
}

// wavering is a Counter that returns an error once, before or after the charge.
type wavering struct {
	store.Counter
	before, after error
}

func (f *wavering) Take(ctx context.Context, c *store.Charge) (err error) {
	if err, f.before = f.before, nil; err != nil {
		return err
	}
	err, f.after = f.after, nil
	if taken := f.Counter.Take(ctx, c); taken != nil {
		return taken
	}
	return err
}

// TestSettleFails checks that Settle may be called again only if nothing has changed.
func TestSettleFails(t *testing.T) {
	notTaken := fmt.Errorf("%w: %w", store.ErrNotTaken, errBroken)
	for _, test := range []struct {
		name          string
		before, after error
		first, second int64 // the usage after each call
	}{
		{"before the charge", notTaken, nil, 5, 2},
		{"unknown, it was charged", nil, errBroken, 2, 2},
		{"unknown, it was not charged", errBroken, nil, 5, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &wavering{Counter: memory.New(memory.Config{})}
			h, ctx := newTokens(t, func(cfg *parts) { cfg.Counter = f }), t.Context()
			k, secret, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
			d := h.admit(gate.Request{Secret: secret, Costs: costs(5)})
			usage := func(want int64) {
				t.Helper()
				days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 1)
				require.NoError(t, err)
				require.Equal(t, []int64{want}, used(days))
			}
			f.before, f.after = test.before, test.after
			require.ErrorIs(t, h.gate.Settle(ctx, &d, costs(2)), errBroken)
			usage(test.first)
			require.NoError(t, h.gate.Settle(ctx, &d, costs(2)))
			usage(test.second)
		})
	}
}

// TestSettleNothing checks that Settle leaves alone what was not charged, and refuses
// a negative cost.
func TestSettleNothing(t *testing.T) {
	h, ctx := newTokens(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: tokensPerDay(2)})
	d := h.admit(gate.Request{Secret: secret, Costs: costs(2)})
	require.ErrorIs(t, h.gate.Settle(ctx, &d, costs(-1)), gate.ErrInvalid)
	refused := h.admit(gate.Request{Secret: secret, Costs: costs(1)})
	require.NoError(t, h.gate.Settle(ctx, &refused, costs(5)))
	unknown := h.admit(gate.Request{Secret: "nobody"})
	require.NoError(t, h.gate.Settle(ctx, &unknown, costs(5)))
	require.NoError(t, h.gate.Settle(ctx, &gate.Decision{}, costs(5)))

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := h.gate.Settle(ctx, &d, costs(3)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 1)
	require.NoError(t, err)
	require.Equal(t, []int64{3}, used(days))
}
