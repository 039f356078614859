package gate_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// used returns the units of a []quota.Usage or a []quota.DayUsage.
func used(list any) (units []int64) {
	switch list := list.(type) {
	case []quota.Usage:
		for _, u := range list {
			units = append(units, u.Used)
		}
	case []quota.DayUsage:
		for _, u := range list {
			units = append(units, u.Used)
		}
	}
	return units
}

// TestRefund checks that Refund gives back once, to the windows that were charged, and
// after midnight, too.
func TestRefund(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTokens(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Throttle: throttle(1, 3), Quotas: tokensPerDay(2)})
		first := h.admit(gate.Request{Secret: secret, Costs: costs(2)})
		refused := h.admit(gate.Request{Secret: secret, Costs: costs(1)})
		require.Equal(t, gate.QuotaExceeded, refused.Reason)
		require.NoError(t, h.gate.Refund(ctx, &refused), "nothing was charged")

		time.Sleep(24 * time.Hour) // the bubble begins at midnight
		require.Equal(t, gate.Admitted, h.spend(secret, 1))
		gone, cancel := context.WithCancel(ctx)
		cancel()
		require.NoError(t, h.gate.Refund(gone, &first), "the request may be over")
		require.NoError(t, h.gate.Refund(ctx, &first))
		days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 3)
		require.NoError(t, err)
		require.Equal(t, []int64{0, 0, 1}, used(days))
		windows, err := h.gate.UsageByWindow(ctx, p.ID, k.ID, "day", 2)
		require.NoError(t, err)
		require.Equal(t, []int64{0, 1}, used(windows))
	})
}

// TestRefundKeepsTokens checks that Refund leaves the bucket as it is: the work was
// done.
func TestRefundKeepsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 1)})
		d := h.admit(gate.Request{Secret: secret})
		require.NoError(t, h.gate.Refund(t.Context(), &d))
		require.Equal(t, gate.Throttled, h.reason(secret))
	})
}

// TestSetRemaining checks that SetRemaining changes a quota for its current window
// only, and leaves the usage record alone.
func TestSetRemaining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newFixture(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(1)})
		require.Equal(t, gate.Admitted, h.reason(secret))
		for range 2 {
			require.NoError(t, h.gate.SetRemaining(ctx, p.ID, k.ID, "day", 2))
		}
		d, err := h.gate.Peek(ctx, gate.Request{Secret: secret})
		require.NoError(t, err)
		for l := range d.Levels() {
			require.EqualValues(t, 3, l.Max)
			require.EqualValues(t, 2, l.Remaining())
		}
		require.Equal(t, gate.Admitted, h.reason(secret))
		require.NoError(t, h.gate.SetRemaining(ctx, p.ID, k.ID, "day", 0))
		require.Equal(t, gate.QuotaExceeded, h.reason(secret))
		days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "", 1)
		require.NoError(t, err)
		require.Equal(t, []int64{2}, used(days))
		time.Sleep(24 * time.Hour)
		require.Equal(t, gate.Admitted, h.reason(secret))
		require.Equal(t, gate.QuotaExceeded, h.reason(secret))

		require.ErrorIs(t, h.gate.SetRemaining(ctx, p.ID, k.ID, "day", -1), gate.ErrInvalid)
		require.ErrorIs(t, h.gate.SetRemaining(ctx, p.ID, k.ID, "week", 1), usageplan.ErrNotFound)
		require.ErrorIs(t, h.gate.SetRemaining(ctx, p.ID, "nobody", "day", 1), usageplan.ErrNotFound)
	})
}

// TestReports reads ninety days of usage: of one key, and of all keys of a plan.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTokens(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Unit: "tokens", Period: quota.Month}}})
		var others []string
		for range 2 {
			other, _ := h.key("other")
			others = append(others, other.ID)
			require.NoError(t, h.plans.Link(ctx, p.ID, other.ID))
		}
		for day := range 90 {
			require.True(t, h.admit(gate.Request{Secret: secret, Costs: costs(int64(day + 1))}).Allowed || day > 40)
			time.Sleep(24 * time.Hour)
		}
		require.True(t, h.admit(gate.Request{KeyID: others[0], Costs: costs(5)}).Allowed)
		require.True(t, h.admit(gate.Request{KeyID: others[1], Costs: costs(7)}).Allowed)

		days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "tokens", 91)
		require.NoError(t, err)
		require.EqualValues(t, 1, days[0].Used, "90 days ago")
		require.EqualValues(t, 10, days[9].Used)
		require.Zero(t, days[90].Used)
		report := map[string]int64{}
		for u, err := range h.gate.PlanUsage(ctx, p.ID, "tokens", 1) {
			require.NoError(t, err)
			report[u.KeyID] = u.Days[0].Used
		}
		require.Equal(t, map[string]int64{k.ID: 0, others[0]: 5, others[1]: 7}, report)
		months, err := h.gate.UsageByWindow(ctx, p.ID, others[0], "tokens/month", 1)
		require.NoError(t, err)
		require.Equal(t, []int64{5}, used(months))
	})
}

// TestBadReports checks that the error names what is wrong with the arguments of a
// report.
func TestBadReports(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, _, p := h.linked(usageplan.Plan{Quotas: perDay(1)})
	all := func(planID string, days int) (errs []error) {
		for u, err := range h.gate.PlanUsage(ctx, planID, "", days) {
			require.Zero(t, u)
			errs = append(errs, err)
		}
		return errs
	}
	for _, n := range []int{-1, 0, 367} {
		for field, errs := range map[string][]error{
			"days": append(all(p.ID, n), second(h.gate.UsageByDay(ctx, p.ID, k.ID, "", n))),
			"n":    {second(h.gate.UsageByWindow(ctx, p.ID, k.ID, "day", n))},
		} {
			for _, err := range errs {
				require.ErrorIs(t, err, gate.ErrInvalid)
				require.EqualError(t, err, fmt.Sprintf("gate: invalid report: %s: %d: want 1 to 366", field, n))
			}
		}
	}
	gone := all("nothing", 1)
	require.Len(t, gone, 1)
	for _, err := range append(gone, second(h.gate.UsageByDay(ctx, "nothing", k.ID, "", 1)), second(h.gate.UsageByWindow(ctx, p.ID, k.ID, "week", 1))) {
		require.ErrorIs(t, err, usageplan.ErrNotFound)
	}
	require.Empty(t, all(h.plan(usageplan.Plan{}).ID, 1), "a plan without keys")
}

// TestMove checks that Move carries what was used over to the other plan. Unlinking a
// key and linking it again does not.
func TestMove(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, secret, small := h.linked(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Year}}})
	large := h.plan(usageplan.Plan{Quotas: []quota.Quota{{Limit: 2, Period: quota.Year}}})
	require.Equal(t, gate.Admitted, h.reason(secret))
	require.NoError(t, h.plans.Move(ctx, k.ID, small.ID, large.ID))
	require.Equal(t, gate.Admitted, h.reason(secret))
	require.Equal(t, gate.QuotaExceeded, h.reason(secret))
	require.NoError(t, h.plans.Unlink(ctx, large.ID, k.ID))
	require.NoError(t, h.plans.Link(ctx, large.ID, k.ID))
	require.Equal(t, gate.Admitted, h.reason(secret))
}
