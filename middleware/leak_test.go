package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestNothingShowsASecret prints every public struct, and the Result of a request that
// carried the secret.
func TestNothingShowsASecret(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	cfg := middleware.Config{Mux: http.NewServeMux(), Logger: slog.Default()}
	mw, err := middleware.New(h.gate, cfg)
	require.NoError(t, err)
	values := map[string]any{"Config": cfg, "Middleware": mw, "Credential": middleware.Credential{Secret: apikey.Secret(secret), Header: "X-API-Key"}}
	for name, value := range map[string]string{"Result": secret, "Result of another": unlike(secret)} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("X-API-Key", value)
		values[name] = mw.Check(r)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { // writes, which printing must not read without a lock
		handler := mw.Handler(http.NotFoundHandler())
		for range 100 {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			r.Header.Set("X-API-Key", secret)
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
	for how, text := range leak.Texts(mw) {
		require.Less(t, len(text), 400, how)
	}
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerSecond(1))
	values["LimitConfig"] = middleware.LimitConfig{Logger: slog.Default(), Also: []middleware.KeyedLimit{{Limiter: lim}}}
	values["KeyedLimit"] = middleware.KeyedLimit{Limiter: lim, Key: middleware.ByIP()}
	values["LimitDecision"] = middleware.LimitDecision{Limit: lim.Name()}
	values["AddressConfig"] = middleware.AddressConfig{}
	values["GuessConfig"] = middleware.GuessConfig{}
	values["Insecure"] = middleware.Insecure{Refuse: true}
	values["UsageConfig"] = middleware.UsageConfig{}
	leak.Complete(t, values)
	leak.Check(t, secret[5:37], values)
}
