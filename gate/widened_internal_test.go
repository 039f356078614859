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

// TestWidenedIsBounded asks for every pair of a route and a class of a large plan. The
// meters that are kept are bounded, and all others are right as well.
func TestWidenedIsBounded(t *testing.T) {
	p := &usageplan.Plan{ID: "p", Routes: map[string]limiter.Limit{}, For: map[string]usageplan.Limits{}}
	for i := range 30 {
		p.Routes[fmt.Sprint("GET /", i)] = limiter.PerSecond(1)
	}
	for i := range 90 {
		p.For[fmt.Sprint("class-", i)] = usageplan.Limits{Quotas: []quota.Quota{quota.MustParse("1/day")}}
	}
	a := newAllowance(p, overrides{}, nil, time.Hour, new(atomic.Bool))
	require.NoError(t, a.fault)
	at := time.Now()
	for range 2 {
		for i := range 30 {
			for j := range 90 {
				m := a.metersAt(at, usageplan.Stage{}, fmt.Sprint("GET /", i), fmt.Sprint("class-", j))
				require.Equal(t, fmt.Sprintf("class-%d day", j), m.limits[1].Name)
			}
		}
	}
	kept := 0
	for _, m := range a.current.Load().routes {
		m.wider.Range(func(any, any) bool { kept++; return true })
	}
	require.Equal(t, maxWidened, kept)
}
