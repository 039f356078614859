package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStory tells it; its counts are its own checks.
func TestStory(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, nil))
	for _, part := range []string{"Retry-After:", "Ratelimit-Policy:", "401 Unauthorized", "403 Forbidden", "25 admitted", "Every count was exact"} {
		require.Contains(t, out.String(), part)
	}
	require.NotRegexp(t, `acme_[0-9A-Za-z]{10,}`, out.String(), "a secret in the story")
}

// TestServe takes the curl lines of -serve at their word.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, w, []string{"-serve", "127.0.0.1:0"}) }()
	text := make([]byte, 4096)
	n, err := r.Read(text)
	require.NoError(t, err)
	m := regexp.MustCompile(`curl -i -H '(X-API-Key): (\S+)' (\S+)`).FindSubmatch(text[:n])
	require.NotNil(t, m, string(text[:n]))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(m[3]), nil)
	require.NoError(t, err)
	req.Header.Set(string(m[1]), string(m[2]))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "pet 1", strings.TrimSpace(string(body)))
	cancel()
	require.NoError(t, <-done)
}

// TestFlags says what is wrong.
func TestFlags(t *testing.T) {
	require.Error(t, run(t.Context(), io.Discard, []string{"-serve", "nowhere"}))
	require.Error(t, run(t.Context(), io.Discard, []string{"-what"}))
}
