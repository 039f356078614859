package main

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestShow admits the burst and refuses the rest.
func TestShow(t *testing.T) {
	handler, secret, err := protect(t.Context())
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, show(&out, handler, secret))
	require.Equal(t, 10, strings.Count(out.String(), "200 OK"))
	require.Equal(t, 5, strings.Count(out.String(), "429 Too Many Requests"))
	require.Contains(t, out.String(), `"day";r=990`)
	require.NotContains(t, out.String(), string(secret))
}

// TestUsage asks for the client's own usage after a request.
func TestUsage(t *testing.T) {
	handler, secret, err := protect(t.Context())
	require.NoError(t, err)
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("X-API-Key", string(secret))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	require.Equal(t, 200, get("/pets/1").Code)
	w := get("/usage/me?cost=5")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), `"remaining": 999,`)
}

// TestWithoutKey refuses a request without a key.
func TestWithoutKey(t *testing.T) {
	handler, _, err := protect(t.Context())
	require.NoError(t, err)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/pets/1", nil))
	require.Equal(t, 401, w.Code)
}
