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

// TestWithoutKey refuses a request without a key.
func TestWithoutKey(t *testing.T) {
	handler, _, err := protect(t.Context())
	require.NoError(t, err)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/pets/1", nil))
	require.Equal(t, 401, w.Code)
}
