package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// ask returns the status and the body of an answer without a signature.
func ask(t testing.TB, method, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// TestHealthAddress checks where the three paths are served, and that nothing else is
// served without a signature.
func TestHealthAddress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args             []string
		control, address bool
	}{
		"by default": {nil, true, false},
		"elsewhere":  {[]string{"-health", "127.0.0.1:0"}, false, true},
		"off":        {[]string{"-health", "off"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			gw := start(t, test.args...)
			_, _, value := gw.plan(perDay(2))
			require.Equal(t, map[string]int{"pass": 2, exceeded: 1}, gw.crowd(value, 3))
			require.Equal(t, test.address, gw.health != "")
			for address, serves := range map[string]bool{gw.control: test.control, gw.health: test.address} {
				if address == "" {
					continue
				}
				for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/metrics": `reason="quota_exceeded"} 1`} {
					status, body := ask(t, "GET", address+path)
					require.Equal(t, serves, status == http.StatusOK, "%s%s: %d", address, path, status)
					if serves {
						require.Contains(t, body, want)
						require.NotContains(t, body, value)
						status, _ = ask(t, "POST", address+path)
						require.Equal(t, http.StatusMethodNotAllowed, status)
					}
				}
				status, _ := ask(t, "GET", address+"/apikeys")
				require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, status)
				status, _ = ask(t, "GET", address+"/metrics/")
				require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, status)
			}
			status, _ := ask(t, "GET", gw.data+"/metrics")
			require.Equal(t, http.StatusForbidden, status, "no key")
		})
	}
}

// TestHealthFlags checks the faults of -health and -leave.
func TestHealthFlags(t *testing.T) {
	_, err := parse([]string{"-health", "somewhere", "-leave", "-1s"}, io.Discard)
	require.EqualError(t, err, `-health "somewhere": want HOST:PORT or off`+"\n"+`-leave: -1s: want 0 or more`)
	err = run(t.Context(), onFreePorts([]string{"-health", "203.0.113.1:1"}), io.Discard, io.Discard)
	require.ErrorContains(t, err, "-health: listen tcp 203.0.113.1:1")
}

// TestReadyOutage checks that a gateway is not ready while its Redis is down. The answer
// does not say why. The log says it once, and says when the gateway is ready again.
func TestReadyOutage(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t)
	gw := start(t, "-store", "redis://"+server.Addr)
	becomes := func(status int, body string) {
		t.Helper()
		require.Eventually(t, func() bool {
			got, text := ask(t, "GET", gw.control+"/readyz")
			return got == status && text == body
		}, 10*time.Second, 10*time.Millisecond)
	}
	metric := func(line string) {
		t.Helper()
		require.Eventually(t, func() bool {
			_, text := ask(t, "GET", gw.control+"/metrics")
			return strings.Contains(text, line+"\n")
		}, 10*time.Second, 10*time.Millisecond, line)
	}
	becomes(http.StatusOK, "ready\n")
	metric(`ration_listener_subscribed{store="keys and plans"} 1`)
	metric(`ration_store_calls_in_flight{kind="charge"} 0`)
	server.Kill()
	becomes(http.StatusServiceUnavailable, "the store does not answer\n")
	metric(`ration_listener_subscribed{store="keys and plans"} 0`)
	status, _ := ask(t, "GET", gw.control+"/healthz")
	require.Equal(t, http.StatusOK, status, "a restart would not help")
	server.Restart(t)
	becomes(http.StatusOK, "ready\n")
	require.Equal(t, 1, strings.Count(gw.logs.String(), "gateway: not ready"), gw.logs.String())
	require.Equal(t, 1, strings.Count(gw.logs.String(), "gateway: ready again"))
}

// TestReadyStores checks that each kind of store is ready.
func TestReadyStores(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"memory", "sqlite:" + filepath.Join(t.TempDir(), "ration.db")} {
		gw := start(t, "-store", name)
		status, body := ask(t, "GET", gw.control+"/readyz")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "ready\n", body)
	}
}

// TestReadiness is a timeline of questions to a store.
func TestReadiness(t *testing.T) {
	for name, test := range map[string]struct {
		takes  time.Duration // of a check
		err    error
		deaf   bool // the check does not end with its context
		checks int64
		ready  bool
	}{
		"at once":  {ready: true, checks: 10},
		"slow":     {takes: time.Second, ready: true, checks: 5},
		"fails":    {err: errors.New("broken"), checks: 10},
		"settings": {err: store.ErrSettings, ready: true, checks: 10},
		"too slow": {takes: time.Minute, checks: 4},
		"hangs":    {takes: time.Minute, deaf: true, checks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var checks atomic.Int64
				r := &readiness{log: slog.New(slog.DiscardHandler), check: func(ctx context.Context) error {
					checks.Add(1)
					if test.deaf {
						time.Sleep(test.takes)
						return test.err
					}
					select {
					case <-time.After(test.takes):
						return test.err
					case <-ctx.Done():
						return ctx.Err()
					}
				}}
				var wg sync.WaitGroup
				for range 100 { // ten seconds, ten times 10 questions a second
					for range 10 {
						wg.Go(func() {
							began := time.Now()
							assert.Equal(t, test.ready, r.ask(t.Context()))
							assert.LessOrEqual(t, time.Since(began), readyTime)
						})
					}
					time.Sleep(100 * time.Millisecond)
				}
				wg.Wait()
				require.InDelta(t, test.checks, checks.Load(), 1)
				time.Sleep(time.Minute)
			})
		})
	}
}

// TestReadinessOfAGoneClient checks that a client that disconnects learns nothing, and
// does not end the check that others wait for.
func TestReadinessOfAGoneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &readiness{log: slog.New(slog.DiscardHandler), check: func(ctx context.Context) error {
			time.Sleep(time.Second)
			return ctx.Err()
		}}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, r.ask(gone))
		require.True(t, r.ask(t.Context()))
	})
}

// TestScrapedUnderLoad reads the metrics while requests are decided. In the end they have
// what clients have counted.
func TestScrapedUnderLoad(t *testing.T) {
	t.Parallel()
	gw := start(t)
	_, _, value := gw.plan(perDay(700))
	done := make(chan map[string]int)
	go func() { done <- gw.crowd(value, 1000) }()
	var counts map[string]int
	for counts == nil {
		select {
		case counts = <-done:
		default:
			status, body := ask(t, "GET", gw.control+"/metrics")
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, body, "ration_cached_keys")
			status, _ = ask(t, "GET", gw.control+"/readyz")
			require.Equal(t, http.StatusOK, status)
		}
	}
	require.Equal(t, map[string]int{"pass": 700, exceeded: 300}, counts)
	_, body := ask(t, "GET", gw.control+"/metrics")
	require.Regexp(t, `ration_decisions_total\{allowed="true",degraded="false",plan="\w+",reason="admitted"\} 700\n`, body)
	require.Regexp(t, `ration_decisions_total\{allowed="false",degraded="false",plan="\w+",reason="quota_exceeded"\} 300\n`, body)
	require.Contains(t, body, "ration_memory_subjects 1\n")
}

// TestReadyWithoutCheck checks that a store that cannot be asked is ready, and that no
// cache keeps the answer.
func TestReadyWithoutCheck(t *testing.T) {
	h := newHealth(nil, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	require.Equal(t, "ready\n", w.Body.String())
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

// TestLeave checks that answers close their connections once the gateway drains, and that
// it waits for the delay unless a server ends.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHealth(nil, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
		connection := func() string {
			w := httptest.NewRecorder()
			h.leaving(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			return w.Header().Get("Connection")
		}
		require.Empty(t, connection())
		began, ended := time.Now(), make(chan error, 1)
		h.leave(5*time.Second, ended)
		require.Equal(t, 5*time.Second, time.Since(began))
		require.Equal(t, "close", connection())

		ended <- io.EOF
		h.leave(time.Hour, ended)
		require.Equal(t, 5*time.Second, time.Since(began), "a server has ended")
		require.Equal(t, io.EOF, <-ended)
	})
}
