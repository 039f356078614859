package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

var errBroken = errors.New("broken")

// TestStoreFails checks what happens to requests if the Counter fails, and that the log
// shows no secret.
func TestStoreFails(t *testing.T) {
	failing := func(policy gate.FailurePolicy) func(*parts) {
		return func(cfg *parts) {
			cfg.Counter, cfg.OnFailure = storetest.Faulty(cfg.Counter, storetest.Fault{Err: errBroken}), policy
		}
	}
	for _, c := range []struct {
		what   string
		policy gate.FailurePolicy
		plan   usageplan.Plan
		status []int
		retry  string
	}{
		{"quotas close", gate.FailurePolicy{}, usageplan.Plan{Quotas: perDay(9)}, []int{503}, "1"},
		{"quotas open", gate.FailurePolicy{Quota: gate.FailOpen}, usageplan.Plan{Quotas: perDay(9)}, []int{200, 200}, ""},
		{"throttles by a bucket here", gate.FailurePolicy{}, usageplan.Plan{Throttle: throttle(0.1, 1)}, []int{200, 429}, "10"},
	} {
		var log bytes.Buffer
		h := newFixture(t, failing(c.policy))
		key, secret := h.key(&c.plan)
		protected := h.middleware(middleware.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler(ok)
		for _, want := range c.status {
			w := serve(protected, with(secret))
			require.Equal(t, want, w.Code, c.what)
			require.Empty(t, w.Header().Get("RateLimit"), c.what)
			if want != 200 {
				require.Equal(t, c.retry, w.Header().Get("Retry-After"), c.what)
			}
			require.NotContains(t, w.Body.String(), "broken", c.what)
		}
		require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), "%s: one line for the outage", c.what)
		require.Contains(t, log.String(), "key="+key.ID, c.what)
		require.Contains(t, log.String(), "broken", c.what)
		require.NotContains(t, log.String(), secret[len("acme_"):], c.what)
	}
}

// TestDisconnect disconnects the client. Before the decision nothing is charged or
// logged. After the decision the charge stands.
func TestDisconnect(t *testing.T) {
	var log bytes.Buffer
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	ctx, hangUp := context.WithCancel(t.Context())
	cfg := middleware.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	protected := h.middleware(cfg).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		hangUp()
		require.Error(t, r.Context().Err())
	}))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, 503, status(protected, with(secret).WithContext(gone)))
	require.Empty(t, log.String())
	require.Equal(t, 200, status(protected, with(secret).WithContext(ctx)))
	require.Equal(t, 429, status(protected, with(secret)))
}
