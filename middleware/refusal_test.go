package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// refusal is a credential that is refused, and the reason in the log.
type refusal struct {
	secret, reason, key string
}

// refusals returns credentials that a service refuses, by their fault.
func refusals(h *fixture) map[string]refusal {
	ctx := h.t.Context()
	_, unknown, err := must(apikey.NewService(nowhere{}, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}})).Create(ctx, apikey.Key{Enabled: true})
	require.NoError(h.t, err)
	disabled, ofDisabled := h.key(&usageplan.Plan{})
	_, err = h.keys.Disable(ctx, disabled.ID)
	require.NoError(h.t, err)
	expired, ofExpired := h.key(&usageplan.Plan{})
	_, err = h.keys.Update(ctx, expired.ID, func(k *apikey.Key) error { k.Expires = time.Now().Add(time.Minute); return nil })
	require.NoError(h.t, err)
	retired, ofRetired := h.key(&usageplan.Plan{})
	_, _, err = h.keys.Rotate(ctx, retired.ID, time.Minute)
	require.NoError(h.t, err)
	revoked, ofRevoked := h.key(&usageplan.Plan{})
	require.NoError(h.t, h.keys.Delete(ctx, revoked.ID))
	return map[string]refusal{
		"unknown":  {string(unknown), "unknown", ""},
		"disabled": {ofDisabled, "disabled", disabled.ID},
		"expired":  {ofExpired, "expired", expired.ID},
		"retired":  {ofRetired, "unknown", retired.ID},
		"revoked":  {ofRevoked, "unknown", ""},
	}
}

// nowhere is a store that does not keep the keys that are inserted.
type nowhere struct{ apikey.Store }

func (nowhere) InsertKey(context.Context, apikey.Key) error { return nil }

// TestRefusalsAreLogged checks that each refused credential is logged once at
// slog.LevelDebug, with the reason and the key's ID and without the secret. At
// slog.LevelInfo nothing is logged.
func TestRefusalsAreLogged(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		synctest.Test(t, func(t *testing.T) {
			h := newFixture(t)
			cases := refusals(h)
			noPlan, secret := h.key(nil)
			cases["no plan"] = refusal{secret, "no_plan", noPlan.ID}
			cases["not of the format"] = refusal{"acme_not-a-key", "apikey: malformed secret: length", ""}
			time.Sleep(time.Minute)
			for what, test := range cases {
				var log bytes.Buffer
				logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level}))
				protected := h.middleware(middleware.Config{Logger: logger}).Handler(ok)
				for range 2 { // the second answer comes from the cache
					log.Reset()
					require.NotEqual(t, http.StatusOK, status(protected, with(test.secret)), what)
					if level > slog.LevelDebug {
						require.Empty(t, log.String(), what)
						continue
					}
					line := map[string]any{}
					require.NoError(t, json.Unmarshal(log.Bytes(), &line), "%s: one line: %s", what, log.String())
					require.Equal(t, "DEBUG", line["level"], what)
					require.Equal(t, test.reason, line["reason"], what)
					if test.key == "" {
						require.NotContains(t, line, "key", what)
					} else {
						require.Equal(t, test.key, line["key"], what)
					}
					require.NotContains(t, log.String(), test.secret, what)
				}
			}
		})
	}
}

// TestNoCredentialIsLogged checks that the log tells a missing credential from a
// malformed one.
func TestNoCredentialIsLogged(t *testing.T) {
	h := newFixture(t)
	for what, test := range map[string]struct {
		header []string
		reason string
		status int
	}{
		"none":      {nil, "no credential", 401},
		"malformed": {[]string{"Authorization", "Bearer"}, "middleware: bad credential: want up to 512 bytes of visible characters", 401},
		"two":       {[]string{"X-API-Key", "a", "X-API-Key", "b"}, "middleware: bad credential: more than one", 400},
	} {
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		protected := h.middleware(middleware.Config{Logger: logger}).Handler(ok)
		require.Equal(t, test.status, status(protected, request("GET", "/", test.header...)), what)
		line := map[string]any{}
		require.NoError(t, json.Unmarshal(log.Bytes(), &line), "%s: one line: %s", what, log.String())
		require.Equal(t, test.reason, line["reason"], what)
	}
}
