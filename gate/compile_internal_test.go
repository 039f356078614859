package gate

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestQuotaMeter checks how long the windows of a quota are kept: as long as Config.Keep
// says, at least a day, and no more windows than a report can ask for.
func TestQuotaMeter(t *testing.T) {
	const day = 24 * time.Hour
	at := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	for _, c := range []struct {
		period quota.Period
		keep   time.Duration
		want   time.Duration
	}{
		{quota.Minute, 90 * day, 366 * time.Minute},
		{quota.Minute, 366 * time.Minute, 366 * time.Minute},
		{quota.Minute, time.Hour, 366 * time.Minute},
		{quota.Hour, time.Hour, day},
		{quota.Day, 1, day},
		{quota.Month, 25 * time.Hour, 25 * time.Hour},
		{quota.Hour, 90 * day, 366 * time.Hour},
		{quota.Day, 90 * day, 90 * day},
		{quota.Day, 1000 * day, 366 * day},
		{quota.Year, 90 * day, 90 * day},
		{quota.Year, 100_000 * day, 100_000 * day},
		{0, 90 * day, 90 * day}, // an invalid period, which no store accepts
	} {
		m := quotaMeter(quota.Quota{Limit: 1, Period: c.period}, at, c.keep)
		require.Equal(t, c.want, m.Keep, "%v for %v", c.period, c.keep)
	}
}

// TestTooManyQuotas compiles a plan that no Service accepts. A store may have it all
// the same.
func TestTooManyQuotas(t *testing.T) {
	p := &usageplan.Plan{ID: "p", Quotas: make([]quota.Quota, usageplan.MaxLimits)}
	for i := range p.Quotas {
		p.Quotas[i] = quota.Quota{Name: string(rune('a' + i)), Limit: 1, Period: quota.Day}
	}
	a := newAllowance(p, overrides{}, nil, time.Hour, new(atomic.Bool))
	require.EqualError(t, a.fault, "gate: plan p: throttles, quotas: 10 of them: want at most 9")
	p.Quotas = p.Quotas[1:]
	require.NoError(t, newAllowance(p, overrides{}, nil, time.Hour, new(atomic.Bool)).fault)
}

// TestMatchedMeters counts the meters that requests of many classes and routes make.
// There are no more than the plan has combinations, whatever clients name.
func TestMatchedMeters(t *testing.T) {
	l := usageplan.Limits{Quotas: []quota.Quota{{Limit: 1, Period: quota.Day}}}
	p := &usageplan.Plan{
		ID: "p", Routes: map[string]limiter.Limit{"GET /a": {Rate: 1, Burst: 1}},
		For: map[string]usageplan.Limits{"a": l, "b": l, "GET /a": l, "GET /b": l},
	}
	a := newAllowance(p, overrides{}, nil, time.Hour, new(atomic.Bool))
	require.NoError(t, a.fault)
	at := time.Now()
	seen := map[*meters]bool{}
	for i := range 100 {
		for _, class := range []string{"", "a", "b", "GET /a", fmt.Sprint(i)} {
			for _, route := range []string{"", "GET /a", "GET /b", "a", fmt.Sprint("GET /", i)} {
				seen[a.metersAt(at, usageplan.Stage{}, route, class)] = true
			}
		}
	}
	require.Len(t, seen, 3*3)
	total := 0
	var count func(m *meters)
	count = func(m *meters) {
		total++
		m.wider.Range(func(_, wider any) bool { count(wider.(*meters)); return true })
	}
	w := a.current.Load()
	count(w.others)
	count(w.routes["GET /a"])
	require.Equal(t, 3*3+3, total, "with those of GET /a that lack its own limits")
}
