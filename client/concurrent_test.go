package client_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/client"
	"github.com/ration-go/ration/internal/longtest"
)

// TestShared has two Transports, as in two processes, share one limit. The refusals are
// few, and nothing of the limit is left unused for long.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Handler: limited(t, "100/s burst 100"), latency: 20 * time.Millisecond}
		var both sync.WaitGroup
		start := time.Now()
		for range 2 {
			tr := newTransport(t, s, client.Config{MaxWait: time.Hour, MaxAttempts: 10})
			both.Go(func() { flood(t, tr, 3000, 25) })
		}
		both.Wait()
		t.Logf("%v, ideal 59s; %d of %d requests refused", time.Since(start), s.refused.Load(), s.requests.Load())
		assert.LessOrEqual(t, time.Since(start), 65*time.Second)
		assert.LessOrEqual(t, s.refused.Load(), s.requests.Load()/20)
	})
}

// TestCancelled cancels waiting requests at random. All of them return, in time, and the
// bubble sees that no goroutine stays.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Handler: limited(t, "50/s burst 5"), latency: 30 * time.Millisecond}
		tr := newTransport(t, s, client.Config{MaxWait: 20 * time.Second})
		random := rand.New(rand.NewPCG(1, 2))
		var all sync.WaitGroup
		var sent, ended, late atomic.Int64
		for range 3000 {
			patience := time.Duration(random.Int64N(int64(40 * time.Second)))
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer time.AfterFunc(patience, cancel).Stop()
				start := time.Now()
				_, err := get(tr, request(t, "GET", url, nil).WithContext(ctx))
				assert.LessOrEqual(t, time.Since(start), min(patience, 20*time.Second)+30*time.Millisecond)
				switch {
				case err == nil:
					sent.Add(1)
				case ctx.Err() != nil:
					ended.Add(1)
				default:
					late.Add(1)
				}
				cancel()
			})
			time.Sleep(time.Duration(random.Int64N(int64(20 * time.Millisecond))))
		}
		all.Wait()
		t.Logf("%d sent, %d ended, %d late; %d refused", sent.Load(), ended.Load(), late.Load(), s.refused.Load())
		assert.Greater(t, sent.Load(), int64(1000))
		assert.Greater(t, ended.Load(), int64(0))
	})
}

// TestRealTime sends requests over TCP to a server with a limit of 100/s, without a
// bubble. None is refused. With RATION_LONG they take at most 1.05 of the ideal time. The
// short form allows more, since a loaded machine wakes goroutines late.
func TestRealTime(t *testing.T) {
	t.Parallel()
	n, most := 220, 3.0
	if longtest.Enabled() {
		n, most = 1020, 1.05
	}
	h := limited(t, "100/s burst 20")
	var refused atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count := &counting{ResponseWriter: w}
		h.ServeHTTP(count, r)
		if count.status == http.StatusTooManyRequests {
			refused.Add(1)
		}
	}))
	defer s.Close()
	base := &http.Transport{MaxIdleConnsPerHost: 10}
	defer base.CloseIdleConnections()
	hc := &http.Client{Transport: newTransport(t, base, client.Config{})}

	start := time.Now()
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range next {
				resp, err := hc.Do(request(t, "GET", s.URL, nil))
				if !assert.NoError(t, err) {
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				assert.NoError(t, resp.Body.Close())
				assert.Equal(t, http.StatusOK, resp.StatusCode)
			}
		})
	}
	all.Wait()
	took, ideal := time.Since(start), time.Duration(n-20)*time.Second/100
	t.Logf("%v, ideal %v: %.4f; %d refused", took, ideal, float64(took)/float64(ideal), refused.Load())
	require.LessOrEqual(t, float64(took), most*float64(ideal))
	require.Zero(t, refused.Load())
}

// counting keeps the status.
type counting struct {
	http.ResponseWriter
	status int
}

func (c *counting) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}
