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

// TestSettle takes an estimate of a quota of 10, settles it, and looks at what was used
// and at what may still be had.
func TestSettle(t *testing.T) {
	for _, test := range []struct {
		estimate, actual, used int64
		next                   gate.Reason // of a request of 1
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
				h, ctx := newHouse(t), t.Context()
				k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(10), Throttle: throttle(1, 2)})
				d := h.admit(gate.Request{Secret: secret, Cost: test.estimate})
				time.Sleep(time.Second)
				for range 3 {
					require.NoError(t, h.gate.Settle(ctx, &d, test.actual))
				}
				days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, 1)
				require.NoError(t, err)
				require.Equal(t, []int64{test.used}, used(days))
				windows, err := h.gate.UsageByWindow(ctx, p.ID, k.ID, "day", 1)
				require.NoError(t, err)
				require.Equal(t, []int64{test.used}, used(windows))
				require.EqualValues(t, 10, windows[0].Limit)
				require.Equal(t, test.next, h.reason(secret))
				time.Sleep(24 * time.Hour)
				require.Equal(t, gate.Admitted, h.reason(secret), "tomorrow")
			})
		})
	}
}

// TestSettleWindow settles after midnight, in the window that was charged.
func TestSettleWindow(t *testing.T) {
	for _, actual := range []int64{1, 30} {
		synctest.Test(t, func(t *testing.T) {
			h, ctx := newHouse(t), t.Context()
			k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(10)})
			d := h.admit(gate.Request{Secret: secret, Cost: 5})
			time.Sleep(25 * time.Hour)
			h.admit(gate.Request{Secret: secret})
			require.NoError(t, h.gate.Settle(ctx, &d, actual))
			days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, 2)
			require.NoError(t, err)
			require.Equal(t, []int64{actual, 1}, used(days))
		})
	}
}

// TestSettlePeek charges afterwards what was only looked at before.
func TestSettlePeek(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(10)})
	d, err := h.gate.Peek(ctx, gate.Request{Secret: secret})
	require.NoError(t, err)
	require.NoError(t, h.gate.Settle(ctx, &d, 12))
	require.Equal(t, gate.QuotaExceeded, h.reason(secret))
	days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, 1)
	require.NoError(t, err)
	require.Equal(t, []int64{12}, used(days))
}

// TestSettleHuge refuses what cannot be counted, and what cannot be beside what others
// used, and may then be called again.
func TestSettleHuge(t *testing.T) {
	for huge, why := range map[int64]string{
		store.MaxUnits + 1: "want 0 to 2^53-1", math.MaxInt64: "want 0 to 2^53-1", store.MaxUnits: "beside the rest",
	} {
		h, ctx := newHouse(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(100)})
		h.admit(gate.Request{Secret: secret, Cost: 7})
		d := h.admit(gate.Request{Secret: secret, Cost: 10})
		require.ErrorContains(t, h.gate.Settle(ctx, &d, huge), why)
		for _, step := range []struct {
			actual, used int64
			err          error
		}{
			{huge, 17, gate.ErrInvalid}, {-1, 17, gate.ErrInvalid}, {store.MaxUnits - 7, store.MaxUnits, nil}, {1, store.MaxUnits, nil},
		} {
			require.ErrorIs(t, h.gate.Settle(ctx, &d, step.actual), step.err)
			days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, 1)
			require.NoError(t, err)
			require.Equal(t, []int64{step.used}, used(days))
		}
	}
}

// wavering answers with an error before or after the charge, once.
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

// TestSettleFails may be called again only where nothing has happened.
func TestSettleFails(t *testing.T) {
	notTaken := fmt.Errorf("%w: %w", store.ErrNotTaken, errBroken)
	for _, test := range []struct {
		name          string
		before, after error
		first, second int64 // what was used after
	}{
		{"before the charge", notTaken, nil, 5, 2},
		{"nobody knows, it came", nil, errBroken, 2, 2},
		{"nobody knows, it did not", errBroken, nil, 5, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &wavering{Counter: memory.New(memory.Config{})}
			h, ctx := newHouse(t, func(cfg *parts) { cfg.Counter = f }), t.Context()
			k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(10)})
			d := h.admit(gate.Request{Secret: secret, Cost: 5})
			usage := func(want int64) {
				t.Helper()
				days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, 1)
				require.NoError(t, err)
				require.Equal(t, []int64{want}, used(days))
			}
			f.before, f.after = test.before, test.after
			require.ErrorIs(t, h.gate.Settle(ctx, &d, 2), errBroken)
			usage(test.first)
			require.NoError(t, h.gate.Settle(ctx, &d, 2))
			usage(test.second)
		})
	}
}

// TestSettleNothing leaves alone what was not charged, and refuses what makes no sense.
func TestSettleNothing(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(2)})
	d := h.admit(gate.Request{Secret: secret, Cost: 2})
	require.ErrorIs(t, h.gate.Settle(ctx, &d, -1), gate.ErrInvalid)
	refused := h.admit(gate.Request{Secret: secret})
	require.NoError(t, h.gate.Settle(ctx, &refused, 5))
	unknown := h.admit(gate.Request{Secret: "nobody"})
	require.NoError(t, h.gate.Settle(ctx, &unknown, 5))
	require.NoError(t, h.gate.Settle(ctx, &gate.Decision{}, 5))

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := h.gate.Settle(ctx, &d, 3); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, 1)
	require.NoError(t, err)
	require.Equal(t, []int64{3}, used(days))
}
