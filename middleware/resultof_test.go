package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestResultOf checks that ResultOf answers for a decision of the service as Handler
// answers for its own.
func TestResultOf(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Year}}})
	_, planless := h.key(nil)
	mw := h.middleware(middleware.Config{})
	handler := mw.Handler(ok)
	for _, c := range []struct {
		secret string
		status int
	}{{secret, 429}, {planless, 403}, {"acme_unknown", 401}} {
		_, err := h.gate.Admit(t.Context(), gate.Request{Secret: apikey.Secret(secret)})
		require.NoError(t, err)
		want := serve(handler, with(c.secret))
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: apikey.Secret(c.secret)})
		require.NoError(t, err)
		w := httptest.NewRecorder()
		mw.ResultOf(d.Outcome).WriteProblem(w)
		require.Equal(t, c.status, w.Code)
		require.Equal(t, want.Code, w.Code)
		require.JSONEq(t, want.Body.String(), w.Body.String())
		for _, field := range []string{"Content-Type", "Www-Authenticate", "Retry-After", "Ratelimit-Policy", "Cache-Control"} {
			require.Equal(t, want.Header()[field], w.Header()[field], field)
		}
	}
	d, err := h.gate.Admit(t.Context(), gate.Request{Secret: apikey.Secret(secret), ID: "x"})
	require.NoError(t, err)
	require.False(t, d.Allowed)
	header := http.Header{}
	mw.ResultOf(d.Outcome).WriteHeaders(header)
	require.Contains(t, header.Get("RateLimit"), `"year";r=0`)
}

// TestWriteAdmitted checks that there is no answer to write for an admitted request.
func TestWriteAdmitted(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	mw := h.middleware(middleware.Config{})
	d, err := h.gate.Admit(t.Context(), gate.Request{Secret: apikey.Secret(secret)})
	require.NoError(t, err)
	require.True(t, d.Allowed)
	for name, write := range map[string]func(*middleware.Result, http.ResponseWriter){
		"problem": (*middleware.Result).WriteProblem,
		"aws":     (*middleware.Result).WriteAWS,
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			write(mw.ResultOf(d.Outcome), w)
			require.Empty(t, w.Header())
			require.Empty(t, w.Body.String())
			w.WriteHeader(http.StatusNoContent) // the handler may still answer
			require.Equal(t, http.StatusNoContent, w.Code)
		})
	}
}
