package middleware_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestContextShowsNoSecret prints the context of an admitted request, as a log or a mock
// may.
func TestContextShowsNoSecret(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	protected := h.middleware(middleware.Config{}).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
			require.NotContains(t, fmt.Sprintf(format, r.Context()), secret[len("acme_"):])
		}
	}))
	require.Equal(t, 200, status(protected, with(secret)))
}

// TestLimitContextShowsNoSecret prints the context of a request that LimitBy has
// admitted. The request brings a credential that LimitBy knows nothing of.
func TestLimitContextShowsNoSecret(t *testing.T) {
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.Limit{Rate: 1, Burst: 10}, limiter.Config{})
	require.NoError(t, err)
	key := func(r *http.Request) (string, error) { return r.Header.Get("Authorization"), nil }
	limit, err := middleware.LimitBy(lim, key, middleware.LimitConfig{})
	require.NoError(t, err)
	const secret = "acme_0123456789abcdef"
	limited := limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
			require.NotContains(t, fmt.Sprintf(format, r.Context()), secret)
		}
	}))
	require.Equal(t, 200, status(limited, with(secret)))
}

// TestResultShowsNoSecret prints the Result that Config.Refuse gets in every way.
func TestResultShowsNoSecret(t *testing.T) {
	h := newFixture(t)
	_, known := h.key(&usageplan.Plan{Quotas: perDay(1)})
	_, unlinked := h.key(nil)
	mw := h.middleware(middleware.Config{})
	for _, secret := range []string{known, known, unlinked, unlinked + "x"} {
		res := mw.Check(with(secret))
		value := reflect.ValueOf(res).Elem().Interface()
		for _, v := range []any{res, value, []*middleware.Result{res}, map[string]any{"": value}} {
			hidden := secret[len("acme_"):]
			for _, verb := range "vsqxX" {
				for _, flag := range []string{"", "+", "#"} {
					for _, text := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden)} {
						require.NotContains(t, fmt.Sprintf("%"+flag+string(verb), v), text)
					}
				}
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("refused", "result", v)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("refused", "result", v)
			require.NotContains(t, log.String(), hidden)
			text, err := json.Marshal(v)
			require.NoError(t, err)
			require.NotContains(t, string(text), hidden)
		}
	}
}
