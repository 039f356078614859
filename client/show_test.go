package client_test

import (
	"cmp"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/client"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
)

// limited returns a handler of Ration that limits by address.
func limited(t testing.TB, limit string) http.Handler {
	t.Helper()
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.MustParse(limit), limiter.Config{})
	require.NoError(t, err)
	by, err := middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{})
	require.NoError(t, err)
	return by(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

// flood sends n requests by as many goroutines as workers, and returns the time that it
// took.
func flood(t testing.TB, transport *client.Transport, n, workers int) time.Duration {
	start := time.Now()
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range next {
				status, err := get(transport, request(t, "GET", "https://api.example.com/", nil))
				assert.NoError(t, err)
				assert.Equal(t, http.StatusOK, status)
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

// TestFlood sends 10,000 requests to a limit of 100/s. None of them is refused, and they
// take at most 1.05 of the ideal time. All workers share a Transport.
func TestFlood(t *testing.T) {
	const n = 10_000
	tests := map[string]struct {
		limit   string
		burst   int
		workers int
		latency time.Duration
		rate    int     // a second; 0 is 100
		most    float64 // of the ideal time; 0 is 1.05
		refused int64   // of the first burst
	}{
		"burst of a second":     {limit: "100/s burst 100", burst: 100, workers: 50, latency: 20 * time.Millisecond},
		"no latency":            {limit: "100/s burst 100", burst: 100, workers: 50, latency: 0},
		"all at once":           {limit: "100/s burst 100", burst: 100, workers: n, latency: 20 * time.Millisecond},
		"high latency":          {limit: "100/s burst 100", burst: 100, workers: 200, latency: 300 * time.Millisecond},
		"burst of two seconds":  {limit: "100/s burst 200", burst: 200, workers: 50, latency: 20 * time.Millisecond},
		"burst of ten seconds":  {limit: "100/s burst 1000", burst: 1000, workers: 50, latency: 20 * time.Millisecond},
		"small burst":           {limit: "100/s burst 10", burst: 10, workers: 50, latency: 20 * time.Millisecond},
		"small burst, 100ms":    {limit: "100/s burst 10", burst: 10, workers: 50, latency: 100 * time.Millisecond},
		"small burst, 300ms":    {limit: "100/s burst 10", burst: 10, workers: 50, latency: 300 * time.Millisecond},
		"no burst":              {limit: "100/s burst 1", burst: 1, workers: 50, latency: 20 * time.Millisecond, most: 2, refused: 9},
		"slow":                  {limit: "10/s burst 10", burst: 10, workers: 50, latency: 20 * time.Millisecond, rate: 10},
		"slow, small burst":     {limit: "10/s burst 3", burst: 3, workers: 50, latency: 20 * time.Millisecond, rate: 10, refused: 7},
		"one second and a half": {limit: "100/s burst 150", burst: 150, workers: 50, latency: 20 * time.Millisecond},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{Handler: limited(t, c.limit), latency: c.latency}
				took := flood(t, newTransport(t, s, client.Config{MaxWait: time.Hour}), n, c.workers)
				ideal := time.Duration(n-c.burst) * time.Second / time.Duration(cmp.Or(c.rate, 100))
				t.Logf("%v, ideal %v: %.4f; %d refused", took, ideal, float64(took)/float64(ideal), s.refused.Load())
				assert.LessOrEqual(t, float64(took), cmp.Or(c.most, 1.05)*float64(ideal))
				assert.LessOrEqual(t, s.refused.Load(), c.refused)
			})
		})
	}
}
