package ration_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store/memory"
)

// TestRevokeInsecure sends a key over TLS, then over plain HTTP, and over TLS again.
func TestRevokeInsecure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := history.NewMemory(history.Bounds{})
		r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{
			RevokeInsecure: true, History: ration.Must(history.New(changes, history.Config{})),
		}))
		defer func() { require.NoError(t, r.Close()) }()
		plan := ration.Must(r.Plan(t.Context(), "free", "unlimited"))
		key, secret, err := r.Issue(t.Context(), plan.ID, "ann")
		require.NoError(t, err)
		handler := r.Handler(http.NotFoundHandler())
		for i, step := range []struct {
			tls  bool
			want int
		}{{true, 404}, {false, 403}, {true, 401}, {false, 403}} {
			req := httptest.NewRequestWithContext(t.Context(), "GET", "http://api.example.com/", nil)
			req.Header.Set("X-API-Key", string(secret))
			if step.tls {
				req.TLS = new(tls.ConnectionState)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req)
			require.Equal(t, step.want, w.Code, "step %d", i)
			synctest.Wait()
		}
		entries, _, err := changes.List(t.Context(), history.Filter{Action: history.Revoke}, "", 10)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.Equal(t, key.ID, entries[0].ID)
		require.Equal(t, "service plain-http", entries[0].Actor.String())
	})
}
