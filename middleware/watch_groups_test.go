package middleware_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestWatchGroups misspells a route in the plan of a key and in that of its group. Each
// limit would never apply, so each is warned of once.
func TestWatchGroups(t *testing.T) {
	typo := &usageplan.Plan{
		Routes: map[string]limiter.Limit{"GET /reprots": limiter.PerSecond(1)},
		For:    map[string]usageplan.Limits{"GET /reprts": {Quotas: perDay(1)}},
	}
	plain := &usageplan.Plan{Quotas: perDay(100)}
	for name, c := range map[string]struct{ group, key *usageplan.Plan }{
		"key":                          {nil, typo},
		"group":                        {typo, plain},
		"group of a key without plans": {typo, nil},
	} {
		h := newFixture(t)
		_, secret := h.key(c.key)
		if c.group != nil {
			h.group("acme", "", c.group)
			_, secret = h.keyIn("acme", c.key)
		}
		var log bytes.Buffer
		handler := h.middleware(middleware.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler(muxOf("GET /reports"))
		for range 5 {
			require.Equal(t, 200, serve(handler, request("GET", "/reports", "X-API-Key", secret)).Code, name)
		}
		require.Equal(t, 1, strings.Count(log.String(), "GET /reprots"), "%s: %s", name, log.String())
		require.Equal(t, 1, strings.Count(log.String(), "GET /reprts"), "%s: %s", name, log.String())
	}
}
