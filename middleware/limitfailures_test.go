package middleware_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

// TestLimitByOnFailure checks what OnFailure does while the Counter fails, and that a
// full store refuses in any case.
func TestLimitByOnFailure(t *testing.T) {
	limit := limiter.Limit{Rate: 0.5, Burst: 2}
	full := func() store.Counter {
		st := memory.New(memory.Config{MaxSubjects: 1})
		_, err := named(t, st, "x", limiter.Limit{Rate: 0.001, Burst: 1}).Allow(t.Context(), "somebody")
		require.NoError(t, err)
		return st
	}
	broken := func() store.Counter {
		return storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Err: errBroken})
	}
	for _, c := range []struct {
		what     string
		counter  func() store.Counter
		policy   gate.Failure
		statuses []int // of four requests, and of one 2s later
		retry    string
	}{
		{"the default", broken, gate.FailDefault, []int{503, 503, 503, 503, 503}, "1"},
		{"closed", broken, gate.FailClosed, []int{503, 503, 503, 503, 503}, "1"},
		{"open", broken, gate.FailOpen, []int{200, 200, 200, 200, 200}, ""},
		{"local", broken, gate.FailLocal, []int{200, 200, 429, 429, 200}, "2"},
		{"full, open", full, gate.FailOpen, []int{503, 503, 503, 503, 503}, "1"},
		{"full, local", full, gate.FailLocal, []int{503, 503, 503, 503, 503}, "1"},
	} {
		for _, several := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				counter := c.counter()
				var told middleware.LimitDecision
				cfg := middleware.LimitConfig{
					OnFailure: c.policy, Observer: func(_ context.Context, d middleware.LimitDecision) { told = d },
					ChargeIf: func(int) bool { return false }, // there is nothing to give back
				}
				if several {
					cfg.Also = []middleware.KeyedLimit{{Limiter: named(t, counter, "account", limiter.PerSecond(100)), Key: accountOf}}
				}
				handler := must(middleware.LimitBy(named(t, counter, "address", limit), middleware.ByIP(), cfg))(ok)
				for i, want := range c.statuses {
					if i == 4 {
						time.Sleep(2 * time.Second)
					}
					w := serve(handler, attempt("192.0.2.1", "ann", 200))
					require.Equal(t, want, w.Code, "%s %d", c.what, i)
					require.Empty(t, w.Header().Get("RateLimit"), "%s: nothing is known", c.what)
					require.Error(t, told.Err)
					require.NotContains(t, told.Err.Error(), "192.0.2.1")
					require.Equal(t, want == 200, told.Allowed)
					require.Equal(t, want == 429, told.Wait > 0)
					if want != 200 {
						require.Equal(t, c.retry, w.Header().Get("Retry-After"), "%s %d", c.what, i)
					}
				}
			})
		}
	}
}

// TestLocalLimitChanges checks that the buckets of this process follow the limit.
func TestLocalLimitChanges(t *testing.T) {
	lim := named(t, storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Err: errBroken}), "address", limiter.Limit{Rate: 0.001, Burst: 1})
	handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{OnFailure: gate.FailLocal}))(ok)
	for _, step := range []struct {
		limit    limiter.Limit
		statuses []int
	}{
		{limiter.Limit{Rate: 0.001, Burst: 1}, []int{200, 429}},
		{limiter.Limit{Rate: 0.001, Burst: 2}, []int{200, 200, 429}},
		{limiter.Limit{}, []int{403}},
		{unlimited(), []int{200, 200}},
	} {
		require.NoError(t, lim.SetLimit(step.limit))
		for i, want := range step.statuses {
			require.Equal(t, want, status(handler, from("192.0.2.1:80")), "%v %d", step.limit, i)
		}
	}
}
