package ration_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

func newRation(t *testing.T, cfg ration.Config) *ration.Ration {
	t.Helper()
	r, err := ration.New(memory.New(memory.Config{}), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// TestRation issues a key and uses it up.
func TestRation(t *testing.T) {
	counts := memory.New(memory.Config{})
	r := newRation(t, ration.Config{Keys: apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}, Counter: counts})
	plan, err := r.Plan(t.Context(), "free", "unlimited", "2/year")
	require.NoError(t, err)
	_, err = r.Plan(t.Context(), "free", "x")
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	key, secret, err := r.Issue(t.Context(), plan.ID, "ann")
	require.NoError(t, err)
	require.True(t, key.Enabled)
	require.Equal(t, "acme_", string(secret)[:5])
	handler := r.Handler(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		k, _ := middleware.KeyFromContext(req.Context())
		require.Equal(t, "ann", k.Name)
	}))
	for _, want := range []int{200, 200, 429} {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		req.Header.Set("X-API-Key", string(secret))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		require.Equal(t, want, w.Code)
	}
	require.EqualValues(t, 1, counts.Stats().Subjects, "it counts in Config.Counter")
}

// TestIssueWithoutPlan leaves no key behind that no plan has.
func TestIssueWithoutPlan(t *testing.T) {
	r := newRation(t, ration.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, secret, err := r.Issue(ctx, "no such plan", "ann")
	require.ErrorIs(t, err, usageplan.ErrNotFound)
	require.Empty(t, string(secret))
	keys, _, err := r.Keys.List(t.Context(), apikey.Filter{}, "", 0)
	require.NoError(t, err)
	require.Empty(t, keys)
}

// TestNewFaults reports the faults of all parts at once.
func TestNewFaults(t *testing.T) {
	st := memory.New(memory.Config{})
	_, err := ration.New(st, ration.Config{
		Keys: apikey.Config{KeyFormat: apikey.Format{Prefix: "a b"}}, Gate: gate.Config{MaxAge: -1, KeyFormat: apikey.Format{Prefix: "other"}},
	})
	for _, want := range []string{`keyFormat.prefix: "a b"`, "maxAge: -1", "gate.keyFormat: want one that lets in"} {
		require.ErrorContains(t, err, want)
	}
	require.ErrorIs(t, err, apikey.ErrInvalid)
	require.ErrorIs(t, err, gate.ErrInvalid)
	tags, err := apikey.NewTagKeys([]byte("0123456789abcdefghijklmnopqrstuv"))
	require.NoError(t, err)
	tagged := apikey.Config{KeyFormat: apikey.Format{Prefix: "acme", TagKeys: tags}}
	_, err = ration.New(st, ration.Config{Keys: tagged, Gate: gate.Config{KeyFormat: apikey.Format{Prefix: "acme"}}})
	require.ErrorContains(t, err, "ration: gate.keyFormat.tagKeys: nil: want those of keys.keyFormat")
	_, err = ration.New(st, ration.Config{Keys: tagged})
	require.NoError(t, err)
	_, err = ration.New(st, ration.Config{Middleware: middleware.Config{API: "pets"}})
	require.ErrorIs(t, err, middleware.ErrInvalid)
}

// TestNewNil reports a nil store once, although several parts need it.
func TestNewNil(t *testing.T) {
	for want, st := range map[string]ration.Store{
		"ration: store: nil: want a Store, such as memory.New(memory.Config{})":               nil,
		"ration: store: nil *memory.Store: want a Store, such as memory.New(memory.Config{})": (*memory.Store)(nil),
	} {
		_, err := ration.New(st, ration.Config{})
		require.EqualError(t, err, want)
	}
	_, err := ration.New(memory.New(memory.Config{}), ration.Config{Counter: (*memory.Store)(nil)})
	require.EqualError(t, err, "ration: counter: nil *memory.Store: want a store.Counter, or none for that of the Store")
}

// TestMust panics with the error.
func TestMust(t *testing.T) {
	require.Equal(t, 1, ration.Must(1, nil))
	require.PanicsWithError(t, "context canceled", func() { ration.Must(1, context.Canceled) })
}

// TestLogger gives one Logger to all parts.
func TestLogger(t *testing.T) {
	var log bytes.Buffer
	r := newRation(t, ration.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	w := httptest.NewRecorder()
	r.Handler(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	require.Equal(t, 401, w.Code)
	require.Contains(t, log.String(), "no credential")
}

// TestNothingShowsASecret prints the public structs after a secret was used.
func TestNothingShowsASecret(t *testing.T) {
	cfg := ration.Config{Gate: gate.Config{Account: &limiter.Limit{Rate: 1, Burst: 1}}}
	r := newRation(t, cfg)
	plan, err := r.Plans.Create(t.Context(), usageplan.Plan{})
	require.NoError(t, err)
	_, secret, err := r.Issue(t.Context(), plan.ID, "ann")
	require.NoError(t, err)
	values := map[string]any{"Ration": r, "Config": cfg}
	leak.Complete(t, values)
	leak.Check(t, string(secret)[4:36], values)
}
