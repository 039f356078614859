package main

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestInsecure sends a key through a proxy that says https, then http, and https again.
func TestInsecure(t *testing.T) {
	t.Parallel()
	cfg, err := parse([]string{"-insecure", "revoke", "-trusted", "127.0.0.0/8"}, io.Discard)
	require.NoError(t, err)
	ctx, log := t.Context(), new(logs)
	logger := slog.New(slog.NewTextHandler(log, nil))
	st, err := stores.Open(ctx, cfg.store, logger)
	require.NoError(t, err)
	gw, err := newGateway(cfg, st, logger)
	require.NoError(t, err)
	defer func() { require.NoError(t, gw.gate.Close()); require.NoError(t, st.Close()) }()

	key, secret, err := gw.services.Keys.Create(ctx, apikey.Key{Enabled: true})
	require.NoError(t, err)
	plan, err := gw.services.Plans.Create(ctx, usageplan.Plan{})
	require.NoError(t, err)
	require.NoError(t, gw.services.Plans.Link(ctx, plan.ID, key.ID))
	send := func(proto string) int {
		r := httptest.NewRequestWithContext(ctx, "GET", "http://api.example.com/", nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-API-Key", string(secret))
		if proto != "" {
			r.Header.Set("X-Forwarded-Proto", proto)
		}
		w := httptest.NewRecorder()
		gw.data.ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, 200, send("https"))
	require.Equal(t, 200, send(""), "the loopback itself")
	require.Equal(t, 403, send("http"))
	revoked := func() bool { return strings.Contains(log.String(), "came over plain HTTP and was revoked") } // beside the answer
	require.Eventually(t, revoked, 10*time.Second, 10*time.Millisecond)
	key, err = gw.services.Keys.Get(ctx, key.ID)
	require.NoError(t, err)
	require.False(t, key.Enabled)
	require.Equal(t, 403, send("https"))
}

// TestInsecureValues says what each value of -insecure means.
func TestInsecureValues(t *testing.T) {
	for value, want := range map[string]middleware.Insecure{"warn": {}, "allow": {Allow: true}, "refuse": {Refuse: true}, "revoke": {Refuse: true}} {
		cfg, err := parse([]string{"-insecure", value}, io.Discard)
		require.NoError(t, err)
		got := cfg.plainHTTP(new(apikey.Service))
		require.Equal(t, value == "revoke", got.Revoke != nil)
		got.Revoke = nil
		require.Equal(t, want, got)
	}
}

// TestInsecureFlags lists bad flags.
func TestInsecureFlags(t *testing.T) {
	for _, args := range [][]string{{"-insecure", "x"}, {"-insecure", ""}, {"-trusted", "10.0.0.1"}} {
		_, err := parse(args, io.Discard)
		require.ErrorContains(t, err, "want")
	}
}
