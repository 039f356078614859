package middleware_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

func named(t *testing.T, c store.Counter, name string, l limiter.Limit) *limiter.Limiter {
	lim, err := limiter.New(c, l, limiter.Config{Name: name})
	require.NoError(t, err)
	return lim
}

func accountOf(r *http.Request) (string, error) { return r.Header.Get("Account"), nil }

// attempt returns a request of an account from an address, which its handler answers with
// a status.
func attempt(address, account string, status int) *http.Request {
	r := from(address)
	r.Header.Set("Account", account)
	r.Header.Set("Answer", strconv.Itoa(status))
	return r
}

// answering is a handler that answers with the status that the request names. It panics
// if that is 0.
var answering = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	status, err := strconv.Atoi(r.Header.Get("Answer"))
	if err != nil || status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
})

// TestLimitBySeveral limits addresses and accounts at once. A request that one limit
// refuses takes no token of the other.
func TestLimitBySeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		byAddress := named(t, st, "address", limiter.Limit{Rate: 0.1, Burst: 2})
		byAccount := named(t, st, "account", limiter.Limit{Rate: 0.01, Burst: 1})
		var told []middleware.LimitDecision
		handler := must(middleware.LimitBy(byAddress, middleware.ByIP(), middleware.LimitConfig{
			Also:       []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}},
			XRateLimit: middleware.XRateLimitSeconds,
			Observer:   func(_ context.Context, d middleware.LimitDecision) { told = append(told, d) },
		}))(ok)
		for i, step := range []struct {
			after            time.Duration
			address, account string
			status           int
			retry            string
			limits           []string
			x                string
			violated         string
			told             middleware.LimitDecision
		}{
			{0, "192.0.2.1", "ann", 200, "", []string{`"address";r=1;t=10`, `"account";r=0;t=100`}, "1 0 100", "",
				middleware.LimitDecision{Limit: "address", Allowed: true}},
			{0, "192.0.2.1", "ann", 429, "100", []string{`"address";r=1`, `"account";r=0;t=100`}, "1 0 100", `["account"]`,
				middleware.LimitDecision{Limit: "account", Wait: 100 * time.Second}},
			{0, "192.0.2.1", "bob", 200, "", []string{`"address";r=0;t=10`, `"account";r=0;t=100`}, "2 0 20", "",
				middleware.LimitDecision{Limit: "address", Allowed: true}},
			{0, "192.0.2.1", "eve", 429, "10", []string{`"address";r=0;t=10`, `"account";r=1`}, "2 0 20", `["address"]`,
				middleware.LimitDecision{Limit: "address", Wait: 10 * time.Second}},
			{0, "192.0.2.1", "bob", 429, "100", []string{`"address";r=0;t=10`, `"account";r=0;t=100`}, "1 0 100", `["address","account"]`,
				middleware.LimitDecision{Limit: "account", Wait: 100 * time.Second}},
			{10 * time.Second, "192.0.2.1", "eve", 200, "", []string{`"address";r=0;t=10`, `"account";r=0;t=100`}, "2 0 20", "",
				middleware.LimitDecision{Limit: "address", Allowed: true}},
			{0, "192.0.2.1", "", 400, "", nil, "  ", "", middleware.LimitDecision{}},
		} {
			time.Sleep(step.after)
			told = nil
			w := serve(handler, attempt(step.address, step.account, 200))
			get := w.Header().Get
			require.Equal(t, step.status, w.Code, i)
			require.Equal(t, step.retry, get("Retry-After"), i)
			require.Equal(t, step.limits, w.Header()["Ratelimit"], i)
			require.Equal(t, step.x, get("X-RateLimit-Limit")+" "+get("X-RateLimit-Remaining")+" "+get("X-RateLimit-Reset"), i)
			if step.violated != "" {
				var body struct {
					Violated json.RawMessage `json:"violated-policies"`
				}
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
				require.JSONEq(t, step.violated, string(body.Violated), i)
			}
			if step.status == 400 {
				require.Empty(t, told, "no limit has decided")
				continue
			}
			require.Equal(t, []middleware.LimitDecision{step.told}, told, i)
		}
	})
}

// TestLimitBySeveralTwice checks that a request is charged once by each limit, also if an
// inner LimitBy has one of them alone.
func TestLimitBySeveralTwice(t *testing.T) {
	st := memory.New(memory.Config{})
	byAddress, byAccount := named(t, st, "address", limiter.PerMinute(9)), named(t, st, "account", limiter.PerMinute(9))
	both := must(middleware.LimitBy(byAddress, middleware.ByIP(), middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}}}))
	address := must(middleware.LimitBy(byAddress, middleware.ByIP(), middleware.LimitConfig{}))
	account := must(middleware.LimitBy(byAccount, accountOf, middleware.LimitConfig{}))
	for i, handler := range []http.Handler{both(address(account(ok))), address(both(account(ok))), account(both(both(ok)))} {
		require.Equal(t, 200, status(handler, attempt("192.0.2.1", "ann", 200)))
		for name, lim := range map[string]*limiter.Limiter{"192.0.2.1": byAddress, "ann": byAccount} {
			r, err := lim.Peek(t.Context(), name)
			require.NoError(t, err)
			require.EqualValues(t, 8-i, r.Remaining, "%d %s", i, name)
		}
	}
}

// TestLimitConfigFaults checks that LimitBy reports the faults of further limits.
func TestLimitConfigFaults(t *testing.T) {
	st := memory.New(memory.Config{})
	one := named(t, st, "one", limiter.PerSecond(1))
	for _, c := range []struct {
		cfg    middleware.LimitConfig
		faults []string
	}{
		{middleware.LimitConfig{OnFailure: 9, Also: make([]middleware.KeyedLimit, 1)}, []string{"onFailure: 9: want FailOpen", "also[0].limiter: nil", "also[0].key: nil"}},
		{middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: one, Key: accountOf}}}, []string{`name: "one": there twice`}},
		{middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: named(t, memory.New(memory.Config{}), "two", limiter.PerSecond(1)), Key: accountOf}}}, []string{"counter: want that of the first limiter"}},
	} {
		_, err := middleware.LimitBy(one, middleware.ByIP(), c.cfg)
		require.ErrorIs(t, err, middleware.ErrInvalid)
		for _, fault := range c.faults {
			require.ErrorContains(t, err, fault)
		}
	}
}
