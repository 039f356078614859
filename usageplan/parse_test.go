package usageplan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

func TestParse(t *testing.T) {
	p, err := usageplan.Parse("free", "5/s burst 10", "1000/day", "20000/month start 15")
	require.NoError(t, err)
	require.Equal(t, usageplan.Plan{ID: "free", Throttle: &limiter.Limit{Rate: 5, Burst: 10}, Quotas: []quota.Quota{
		{Limit: 1000, Period: quota.Day}, {Limit: 20000, Period: quota.Month, StartDay: 15},
	}}, p)
	p, err = usageplan.Parse("open", "unlimited")
	require.NoError(t, err)
	require.True(t, p.Throttle.Unlimited())
	require.Nil(t, p.Quotas)

	_, err = usageplan.Parse("free", "5 a second", "1000/day", "1000/fortnight", "x")
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	require.ErrorIs(t, err, limiter.ErrInvalid)
	for _, want := range []string{"throttle", "quotas[1]", "quotas[2]", "fortnight"} {
		require.ErrorContains(t, err, want)
	}
	_, err = usageplan.Parse("free", "5/s soft", "1/dy")
	require.ErrorIs(t, err, limiter.ErrInvalid)
	require.ErrorContains(t, err, "throttle: limiter: invalid limit \"5/s soft\": ")
	require.ErrorContains(t, err, "a unit, a name and \"soft\" belong in throttles\nquotas[0]: ")
	_, err = usageplan.Parse("a b", "unlimited", "1/day", "2/day")
	require.ErrorContains(t, err, `id: "a b"`)
	require.ErrorContains(t, err, "quotas[1].name")
}
