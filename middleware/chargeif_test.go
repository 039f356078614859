package middleware_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

func unauthorized(status int) bool { return status == http.StatusUnauthorized || status >= 500 }

// TestChargeIf limits failed logins. Answers that do not count give their token back.
func TestChargeIf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		byAddress, byAccount := named(t, st, "address", limiter.Limit{Rate: 0.01, Burst: 3}), named(t, st, "account", limiter.Limit{Rate: 0.01, Burst: 2})
		for name, cfg := range map[string]middleware.LimitConfig{
			"one":     {ChargeIf: unauthorized, OmitHeaders: true},
			"several": {ChargeIf: unauthorized, Also: []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}}},
		} {
			handler := must(middleware.LimitBy(byAddress, middleware.ByIP(), cfg))(answering)
			address, account := name+"'s", name
			if name == "one" {
				address = "192.0.2.1"
			} else {
				address = "192.0.2.2"
			}
			for i, step := range []struct {
				answer, status int
				left           [2]int64 // of the address and the account
			}{
				{200, 200, [2]int64{3, 2}},
				{204, 204, [2]int64{3, 2}},
				{401, 401, [2]int64{2, 1}},
				{404, 404, [2]int64{2, 1}},
				{0, 0, [2]int64{1, 0}}, // a panic counts as 500
			} {
				func() {
					defer func() { require.Equal(t, step.answer == 0, recover() != nil) }()
					require.Equal(t, step.status, status(handler, attempt(address, account, step.answer)), "%s %d", name, i)
				}()
				r, err := byAddress.Peek(t.Context(), address)
				require.NoError(t, err)
				require.Equal(t, step.left[0], r.Remaining, "%s %d", name, i)
				if name == "several" {
					r, err = byAccount.Peek(t.Context(), account)
					require.NoError(t, err)
					require.Equal(t, step.left[1], r.Remaining, "%s %d", name, i)
				}
			}
		}
	})
}

// TestChargeIfTogether sends many attempts at once. No more of them reach the handler
// than the limit allows, and a client that hangs up gets no token back.
func TestChargeIfTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 5
		lim := named(t, memory.New(memory.Config{}), "login", limiter.Limit{Rate: 0.001, Burst: burst})
		var mu sync.Mutex
		reached := 0
		handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{ChargeIf: unauthorized}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			reached++
			mu.Unlock()
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusUnauthorized)
		}))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { serve(handler, from("192.0.2.1:80")) })
		}
		wg.Wait()
		require.Equal(t, burst, reached)

		ctx, cancel := context.WithCancel(t.Context())
		gone := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{ChargeIf: unauthorized}))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
		require.Equal(t, 200, status(gone, from("192.0.2.2:80").WithContext(ctx)))
		r, err := lim.Peek(t.Context(), "192.0.2.2")
		require.NoError(t, err)
		require.EqualValues(t, burst-1, r.Remaining)
	})
}

// TestChargeIfFails checks that a token that could not be given back is logged, and that
// the answer goes out.
func TestChargeIfFails(t *testing.T) {
	var log bytes.Buffer
	counter := storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Take: 2, Err: errBroken})
	lim := named(t, counter, "login", limiter.PerMinute(5))
	handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{ChargeIf: unauthorized, Logger: slog.New(slog.NewTextHandler(&log, nil))}))(ok)
	require.Equal(t, 200, status(handler, from("192.0.2.1:80")))
	require.Contains(t, log.String(), "could not give a token back")
	require.NotContains(t, log.String(), "192.0.2.1")
}
