package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/client"
)

// TestPace sends requests one after the other. What remains is spread over its time.
func TestPace(t *testing.T) {
	const ms = time.Millisecond
	tests := map[string]struct {
		cfg    client.Config
		header []string // of the first answer; the others have none
		want   []time.Duration
	}{
		"none":        {want: []time.Duration{0, 0, 0, 0}},
		"spread":      {header: []string{`RateLimit: "a";r=4;t=20`}, want: []time.Duration{0, 5000 * ms, 10000 * ms, 15000 * ms, 20000 * ms}},
		"short":       {header: []string{`RateLimit: "a";r=4;t=1`}, want: []time.Duration{0, 250 * ms, 500 * ms}},
		"policy":      {header: []string{`RateLimit: "a";r=90;t=1`, `RateLimit-Policy: "a";q=101;w=50`}, want: []time.Duration{0, 1000 * ms / 90, 2000 * ms / 90}},
		"used up":     {header: []string{`RateLimit: "a";r=1;t=3`, `RateLimit-Policy: "a";q=11;w=10`}, want: []time.Duration{0, 3000 * ms, 4000 * ms}},
		"long window": {header: []string{`RateLimit: "a";r=3;t=61`}, want: []time.Duration{0, 0, 0, 0}},
		"long spread": {cfg: client.Config{Spread: 2 * time.Hour, MaxWait: time.Hour}, header: []string{`RateLimit: "a";r=4;t=4000`}, want: []time.Duration{0, 1e6 * ms, 2e6 * ms}},
		"strictest":   {header: []string{`RateLimit: "a";r=4;t=20, "b";r=2;t=20`}, want: []time.Duration{0, 10000 * ms, 20000 * ms}},
		"older form":  {header: []string{"X-RateLimit-Limit: 10", "X-RateLimit-Remaining: 5", "X-RateLimit-Reset: 10"}, want: []time.Duration{0, 2000 * ms, 4000 * ms}},
		"malformed":   {header: []string{`RateLimit: "a;r=0;t=20`, "X-RateLimit-Remaining: -1"}, want: []time.Duration{0, 0, 0}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(step{200, c.header})
				tr := newTransport(t, s, c.cfg)
				for range c.want {
					_, err := get(tr, request(t, "GET", url, nil))
					require.NoError(t, err)
				}
				for i, want := range c.want {
					assert.InDelta(t, want, s.at[i], float64(time.Microsecond), "request %d", i)
				}
			})
		})
	}
}

// TestWaitError fails requests that would wait for too long, at once.
func TestWaitError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{200, []string{`RateLimit: "day";r=0;t=2400`}})
		tr := newTransport(t, s, client.Config{})
		_, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)

		body := &closer{}
		r := request(t, "POST", url, nil)
		r.Body = body
		_, err = tr.RoundTrip(r)
		wait, ok := errors.AsType[*client.WaitError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "api.example.com", wait.Host)
		assert.GreaterOrEqual(t, wait.Wait, 40*time.Minute)
		assert.LessOrEqual(t, wait.Wait, 40*time.Minute+5*time.Second)
		assert.Equal(t, time.Minute, wait.Max)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.Regexp(t, `^client: api\.example\.com: wait: 40m.*s: want at most 1m0s by maxWait$`, err.Error())
		assert.True(t, body.closed)

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = get(tr, request(t, "GET", url, nil).WithContext(ctx))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "want at most 10s by the deadline")
		assert.Zero(t, time.Since(s.start))

		_, err = (&http.Client{Transport: tr, Timeout: time.Second}).Do(request(t, "GET", url, nil))
		timeout, ok := errors.AsType[interface {
			error
			Timeout() bool
		}](err)
		require.True(t, ok)
		assert.True(t, timeout.Timeout(), "http.Client.Timeout is a deadline")
		assert.Len(t, s.at, 1)

		time.Sleep(41 * time.Minute)
		_, err = get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
	})
}

// TestQueue counts the requests that wait before: with 1 request a second and 10s to
// wait, the eleventh of those that wait fails at once.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{200, []string{`RateLimit: "a";r=30;t=30`}})
		tr := newTransport(t, s, client.Config{MaxWait: 10 * time.Second})
		_, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				_, err := get(tr, request(t, "GET", url, nil))
				wait, late := errors.AsType[*client.WaitError](err)
				assert.Equal(t, i >= 10, late, "request %d: %v", i, err)
				if late {
					assert.Equal(t, 11*time.Second, wait.Wait)
					assert.Zero(t, time.Since(s.start))
				}
			})
			synctest.Wait()
		}
		all.Wait()
		assert.Len(t, s.at, 11)
		assert.Equal(t, 10*time.Second, s.at[10])
	})
}

// TestOrder sends requests in the order in which they came. The place of one that gives
// up is free for those behind it.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{200, []string{`RateLimit: "a";r=50;t=50`}})
		tr := newTransport(t, s, client.Config{})
		_, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				r := request(t, "GET", url, nil)
				r.Header.Set("Number", fmt.Sprint(i))
				if i%4 == 1 {
					r = r.WithContext(ctx)
				}
				_, err := get(tr, r)
				assert.Equal(t, i%4 == 1, errors.Is(err, context.Canceled), "%v", err)
			})
			synctest.Wait()
		}
		cancel()
		all.Wait()
		var got []string
		for _, h := range s.seen[1:] {
			got = append(got, h.Get("Number"))
		}
		assert.Equal(t, []string{"0", "2", "3", "4", "6", "7", "8", "10", "11", "12", "14", "15", "16", "18", "19"}, got)
		assert.Equal(t, 15*time.Second, s.at[15])
	})
}

// TestRefusedKeepsItsPlace sends a refused request again before those that came later.
func TestRefusedKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{200, []string{`RateLimit: "a";r=50;t=50`}}, step{429, []string{"Retry-After: 5"}})
		tr := newTransport(t, s, client.Config{})
		_, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				r := request(t, "GET", url, nil)
				r.Header.Set("Number", fmt.Sprint(i))
				_, err := get(tr, r)
				assert.NoError(t, err)
			})
			synctest.Wait()
		}
		all.Wait()
		var got []string
		for _, h := range s.seen[1:] {
			got = append(got, h.Get("Number"))
		}
		assert.Equal(t, []string{"0", "0", "1", "2", "3"}, got)
	})
}

// TestTightened fails requests that wait already, when a refusal makes their wait too
// long.
func TestTightened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{200, []string{`RateLimit: "a";r=50;t=50`}}, step{429, []string{"Retry-After: 3600"}})
		tr := newTransport(t, s, client.Config{})
		_, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				status, err := get(tr, request(t, "GET", url, nil))
				assert.Equal(t, time.Second, time.Since(s.start))
				if i == 0 {
					assert.NoError(t, err)
					assert.Equal(t, 429, status)
					return
				}
				wait, ok := errors.AsType[*client.WaitError](err)
				if assert.True(t, ok, "%v", err) {
					assert.GreaterOrEqual(t, wait.Wait, time.Hour)
				}
			})
			synctest.Wait()
		}
		all.Wait()
	})
}

// TestTightenedBehind fails a request that waits behind another one, when a refusal makes
// its wait too long. The other one can wait.
func TestTightenedBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{200, []string{`RateLimit: "a";r=50;t=50`}}, step{429, []string{"Retry-After: 30"}})
		tr := newTransport(t, s, client.Config{MaxAttempts: 1})
		_, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
		var all sync.WaitGroup
		send := func(patience, want time.Duration, fails bool) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := get(tr, request(t, "GET", url, nil).WithContext(ctx))
				assert.InDelta(t, want, time.Since(s.start), float64(3*time.Second), "a patience of %v", patience)
				_, late := errors.AsType[*client.WaitError](err)
				assert.Equal(t, fails, late, "%v", err)
			})
			synctest.Wait()
		}
		send(time.Minute, time.Second, false) // it is refused
		send(time.Minute, 31*time.Second, false)
		send(10*time.Second, time.Second, true)
		send(time.Minute, 32*time.Second, false)
		all.Wait()
	})
}

// TestAfterRefusal sends 10 of 50 waiting requests when a refusal is over, and the others
// when one of these is answered. The server says nothing else about its limits.
func TestAfterRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		var mu sync.Mutex
		tr := newTransport(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			first := len(at) == 0
			at = append(at, time.Since(start))
			mu.Unlock()
			wait(r, 100*time.Millisecond)
			resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}
			if first {
				resp.StatusCode, resp.Header = 429, header("Retry-After: 10")
			}
			return resp, nil
		}), client.Config{})
		var all sync.WaitGroup
		send := func() {
			_, err := get(tr, request(t, "GET", url, nil))
			assert.NoError(t, err)
		}
		all.Go(send)
		time.Sleep(time.Second)
		for range 49 {
			all.Go(send)
		}
		all.Wait()
		require.Len(t, at, 51)
		assert.GreaterOrEqual(t, at[1], 10*time.Second)
		assert.Equal(t, at[1], at[10])
		assert.Equal(t, at[1]+100*time.Millisecond, at[11])
		assert.Equal(t, at[11], at[50])
	})
}

// TestFirstBurst sends 10 of 100 requests to a server that has not answered yet, and the
// others when it answers or after a second.
func TestFirstBurst(t *testing.T) {
	for latency, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 100 * time.Millisecond,
		10 * time.Second:       time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), latency: 2 * latency}
			tr := newTransport(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				wait(r, latency)
				s.requests.Add(1)
				return (&server{Handler: s.Handler}).RoundTrip(r)
			}), client.Config{})
			go func() { flood(t, tr, 100, 100) }()
			synctest.Wait()
			time.Sleep(latency + want - time.Nanosecond)
			first := s.requests.Load()
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			assert.EqualValues(t, 10, first)
			assert.EqualValues(t, 100, s.requests.Load())
		})
	}
}

// TestApart keeps hosts, credentials and partitions apart.
func TestApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{200, []string{`RateLimit: "a";r=0;t=3600`}})
		tr := newTransport(t, s, client.Config{Partition: func(r *http.Request) string { return r.URL.Path }})
		_, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
		with := request(t, "GET", url, nil)
		with.Header.Set("Authorization", "Bearer other")
		for _, r := range []*http.Request{
			with, request(t, "GET", url+"search", nil), request(t, "GET", "https://other.example.com/", nil), request(t, "GET", "http://api.example.com/", nil),
		} {
			_, err = get(tr, r)
			require.NoError(t, err)
		}
		_, err = get(tr, request(t, "GET", "https://API.example.com/", nil))
		_, late := errors.AsType[*client.WaitError](err)
		assert.True(t, late)
	})
}
