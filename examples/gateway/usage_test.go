package main

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/internal/redistest"
)

// ask sends a request for the client's own usage.
func (r *running) ask(path, value string) (status int, body string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.data+path, nil)
	require.NoError(r.t, err)
	req.Header.Set("X-Api-Key", value)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(text)
}

// TestUsage asks a gateway over each store for a client's own usage. It is charged
// nothing, and is not asked of the upstream.
func TestUsage(t *testing.T) {
	for name, store := range map[string]func(t *testing.T) string{
		"memory":   func(*testing.T) string { return "memory" },
		"redis":    func(t *testing.T) string { return "redis://" + redistest.Start(t) },
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "ration.db") },
		"postgres": func(t *testing.T) string { return pgtest.Start(t).Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			gw := start(t, "-store", store(t), "-usage", "/usage/me")
			_, keyID, value := gw.plan(perDay(3))
			for range 3 {
				status, _ := gw.get(value)
				require.Equal(t, 200, status)
			}
			for range 3 {
				status, text := gw.ask("/usage/me?cost=1&windows=1&days=1", value)
				require.Equal(t, 200, status, text)
				var body struct {
					Version int
					KeyID   string
					Cost    struct{ Now, Never bool }
					Limits  []struct {
						Name                   string
						Limit, Used, Remaining int64
						Windows                []struct{ Used int64 }
					}
					Days []struct{ Used map[string]int64 }
				}
				require.NoError(t, json.Unmarshal([]byte(text), &body))
				require.Equal(t, keyID, body.KeyID)
				require.False(t, body.Cost.Now)
				require.False(t, body.Cost.Never)
				require.Len(t, body.Limits, 1)
				l := body.Limits[0]
				require.Equal(t, []int64{3, 3, 0, 3, 3}, []int64{l.Limit, l.Used, l.Remaining, l.Windows[0].Used, body.Days[0].Used["requests"]})
			}
			status, _ := gw.get(value)
			require.Equal(t, 429, status)
			unknown, _ := gw.ask("/usage/me", value+"x")
			direct, _ := gw.get(value + "x")
			require.Equal(t, direct, unknown)
			elsewhere, text := gw.ask("/usage/me/", value)
			require.Equal(t, 429, elsewhere, text)
		})
	}
}

// TestUsagePath refuses a path that no request would have.
func TestUsagePath(t *testing.T) {
	for _, path := range []string{"usage", "/", "/usage/", "/a//b", "/usage?x", "/a b", "/%61"} {
		_, err := parse([]string{"-usage", path}, io.Discard)
		require.ErrorContains(t, err, "-usage")
	}
	cfg, err := parse(nil, io.Discard)
	require.NoError(t, err)
	require.Empty(t, cfg.usage)
}
