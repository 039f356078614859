package gate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// single hides that a store answers a look-up in one call.
type single struct {
	*memory.Store
	apart
}

var _ = []any{single{}.apart, peekCounter{}.apart} // they are there for their methods

// TestReportsOfMany checks that the reports of many keys and groups have the figures of
// the single reports, whether or not the store is an AccessReader.
func TestReportsOfMany(t *testing.T) {
	for _, whole := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			st := memory.New(memory.Config{})
			h := treeOver(t, st, func(p *parts) {
				if !whole {
					p.Keys, p.Plans = single{Store: st}, single{Store: st}
				}
			})
			ctx := t.Context()
			h.days(map[string]int64{"gold": 100, "silver": 10, "org": 1000})
			h.group("acme org")
			h.group("acme>team silver")
			h.group("lost")
			a, b, c := h.member("a", "", "gold"), h.member("b", "team", "silver"), h.member("c", "acme")
			h.member("gone", "lost", "gold")
			require.NoError(t, st.DeleteGroup(ctx, "lost", 0))
			h.member("bare", "")

			for day := range 3 {
				for range day + 1 {
					for _, secret := range []string{string(a), string(b), string(c)} {
						require.Equal(t, gate.Admitted, h.reason(apikey.Secret(secret)))
					}
				}
				time.Sleep(24 * time.Hour)
			}
			require.NoError(t, h.gate.SetRemaining(ctx, "gold", "a", "day", 150))

			span := gate.Span{Days: 4, Windows: 3, LastUse: true}
			keys, err := h.gate.KeyReports(ctx, []string{"bare", "c", "nobody", "b", "a", "gone"}, span)
			require.NoError(t, err)
			uses, err := h.gate.LastUsed(ctx, "bare", "c", "b", "a", "gone")
			require.NoError(t, err)
			require.Equal(t, uses, ids(keys, func(r gate.KeyReport) gate.LastUse { return r.LastUse }))
			require.NotZero(t, uses[1].At)
			require.Equal(t, []string{"bare", "c", "b", "a", "gone"}, ids(keys, func(r gate.KeyReport) string { return r.Key.ID }))
			require.Empty(t, keys[0].Days)
			require.ErrorIs(t, keys[4].Err, usageplan.ErrNotFound)
			for _, r := range keys[1:4] {
				days, err := h.gate.UsageByDay(ctx, "", r.Key.ID, "", 4)
				require.NoError(t, err)
				require.Equal(t, days, r.Days, r.Key.ID)
				require.Equal(t, []int64{1, 2, 3, 0}, used(r.Days))
				for _, q := range r.Quotas {
					windows, err := h.gate.UsageByWindow(ctx, q.PlanID, r.Key.ID, q.Quota.NameOrPeriod(), 3)
					require.NoError(t, err)
					require.Equal(t, windows, q.Windows)
				}
			}
			require.EqualValues(t, 150, keys[3].Quotas[0].Now().Remaining)
			require.Empty(t, keys[1].Quotas, "its groups have quotas, and not the key")

			groups, err := h.gate.GroupReports(ctx, []string{"team", "nobody", "acme"}, span)
			require.NoError(t, err)
			require.Equal(t, []string{"team", "acme"}, ids(groups, func(r gate.GroupReport) string { return r.Lineage[0].ID }))
			require.Equal(t, []int64{1, 2, 3, 0}, used(groups[0].Days))
			require.Equal(t, []int64{2, 4, 6, 0}, used(groups[1].Days))
			for _, r := range groups {
				windows, err := h.gate.GroupUsageByWindow(ctx, r.Lineage[0].ID, "day", 3)
				require.NoError(t, err)
				require.Equal(t, windows, r.Quotas[0].Windows)
			}
		})
	}
}

func ids[T, U any](list []T, id func(T) U) (all []U) {
	for _, v := range list {
		all = append(all, id(v))
	}
	return all
}

// TestReportBack checks which windows a report of some days has.
func TestReportBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTree(t)
		h.plan(usageplan.Plan{ID: "gold", Quotas: []quota.Quota{quota.MustParse("9/day"), quota.MustParse("9/week"), quota.MustParse("9/month"), quota.MustParse("9/year")}})
		h.member("a", "", "gold")
		time.Sleep(45*24*time.Hour + 12*time.Hour) // to 2000-02-15, a Tuesday
		for _, c := range []struct {
			span gate.Span
			want []int // windows by the day, week, month and year
		}{
			{gate.Span{Days: 1, Windows: 20}, []int{20, 20, 20, 20}},
			{gate.Span{Days: 1, Windows: 40, Back: 30 * 24 * time.Hour}, []int{31, 5, 2, 1}},
			{gate.Span{Days: 1, Windows: 3, Back: 30 * 24 * time.Hour}, []int{3, 3, 2, 1}},
			{gate.Span{Days: 1, Windows: 40, Back: time.Hour}, []int{1, 1, 1, 1}},
		} {
			reports, err := h.gate.KeyReports(t.Context(), []string{"a"}, c.span)
			require.NoError(t, err)
			for i, q := range reports[0].Quotas {
				require.Len(t, q.Windows, c.want[i], "%+v: %s", c.span, q.Quota)
			}
		}
	})
}

// TestReportFaults checks that a bad span and a store that fails are errors.
func TestReportFaults(t *testing.T) {
	h := newTree(t)
	for _, span := range []gate.Span{{}, {Days: 1}, {Days: 367, Windows: 1}, {Days: 1, Windows: 1, Unit: "fuel"}} {
		_, err := h.gate.KeyReports(t.Context(), nil, span)
		require.ErrorIs(t, err, gate.ErrInvalid)
		_, err = h.gate.GroupReports(t.Context(), nil, span)
		require.ErrorIs(t, err, gate.ErrInvalid)
	}
	down := errors.New("down")
	h = newTree(t, func(p *parts) { p.Counter = deadCounter{err: down} })
	h.days(map[string]int64{"gold": 1})
	h.member("a", "", "gold")
	_, err := h.gate.KeyReports(t.Context(), []string{"a"}, gate.Span{Days: 1, Windows: 1})
	require.ErrorIs(t, err, down)
}

type deadCounter struct {
	store.Counter
	err error
}

func (c deadCounter) Take(context.Context, *store.Charge) error { return c.err }

// peekCounter counts the calls of Peek.
type peekCounter struct {
	*memory.Store
	apart
	n int
}

func (p *peekCounter) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	p.n++
	return p.Store.Peek(ctx, at, subjects, meters, levels, last)
}

// TestReportCalls checks that a report takes few calls of the Counter, however many keys
// it is about: one for the days, one for each quota, and two for the last use.
func TestReportCalls(t *testing.T) {
	st := memory.New(memory.Config{})
	counted := &peekCounter{Store: st}
	h := treeOver(t, st, func(p *parts) { p.Counter = counted })
	h.days(map[string]int64{"gold": 100, "silver": 10})
	var all []string
	for i := range 40 {
		id := fmt.Sprint("k", i)
		h.member(id, "", []string{"gold", "silver"}[i%2])
		all = append(all, id)
	}
	reports, err := h.gate.KeyReports(t.Context(), all, gate.Span{Days: 30, Windows: 7, LastUse: true})
	require.NoError(t, err)
	require.Len(t, reports, 40)
	require.Equal(t, 1+2+2, counted.n)
}
