package middleware_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestRefusedPrefix gives the Gate and the Service different Formats. The log says so
// once, without any part of a secret, and all answers are the same.
func TestRefusedPrefix(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := newFixture(t, func(cfg *parts) { cfg.KeyFormat = apikey.Format{Prefix: "other"} }) // the Service's is "acme"
	_, secret := h.key(&usageplan.Plan{})
	handler := h.middleware(middleware.Config{Logger: logger}).Handler(ok)
	stranger, err := apikey.Format{Prefix: "other"}.New()
	require.NoError(t, err)
	broken := secret[:len(secret)-1] + "*"
	var answers []string
	for _, step := range []struct {
		secret       string
		level, holds string
	}{
		{string(stranger), "DEBUG", "reason=unknown"},
		{broken, "DEBUG", "malformed secret: prefix"},
		{"x", "DEBUG", "malformed secret: length"},
		{"", "DEBUG", "bad credential"},
		{secret, "WARN", "prefix=acme want=other"},
		{secret, "DEBUG", "malformed secret: prefix"},
	} {
		log.Reset()
		w := serve(handler, with(step.secret))
		require.Equal(t, 401, w.Code)
		if step.secret != "" {
			answers = append(answers, w.Body.String())
			require.Equal(t, answers[0], w.Body.String())
		}
		require.Contains(t, log.String(), step.holds)
		require.Contains(t, log.String(), "level="+step.level)
		require.Equal(t, step.level == "WARN", strings.Contains(log.String(), "level=WARN"), "once")
		require.NotContains(t, log.String(), string(secret)[len(secret)-38:])
	}
}
