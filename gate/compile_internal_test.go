package gate

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestWindow checks how long the windows of a quota are kept: as long as Config.Keep
// says, at least a day, and no more windows than a report can ask for.
func TestWindow(t *testing.T) {
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
		m := window(quota.Quota{Limit: 1, Period: c.period}, at, c.keep)
		require.Equal(t, c.want, m.Keep, "%v for %v", c.period, c.keep)
	}
}

// TestTooManyQuotas compiles a plan that no Service accepts. A store may have it all
// the same.
func TestTooManyQuotas(t *testing.T) {
	p := &usageplan.Plan{ID: "p", Quotas: make([]quota.Quota, usageplan.MaxQuotas+1)}
	for i := range p.Quotas {
		p.Quotas[i] = quota.Quota{Name: string(rune('a' + i)), Limit: 1, Period: quota.Day}
	}
	_, err := newAllowance(p, overrides{}, time.Hour, new(atomic.Bool))
	require.EqualError(t, err, "gate: plan p: quotas: 6 of them: want at most 5")
	p.Quotas = p.Quotas[:usageplan.MaxQuotas]
	_, err = newAllowance(p, overrides{}, time.Hour, new(atomic.Bool))
	require.NoError(t, err)
}
