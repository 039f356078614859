package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/client"
)

const url = "https://api.example.com/"

// once is a body that cannot be read again.
type once struct{ io.Reader }

// TestRetry lists what is sent again, and when. A wait gets a tenth of it at most on top.
func TestRetry(t *testing.T) {
	const ok, slow, denied, busy = http.StatusOK, http.StatusTooManyRequests, http.StatusForbidden, http.StatusServiceUnavailable
	refusal := step{slow, []string{"Retry-After: 2"}}
	tests := map[string]struct {
		method  string
		header  []string
		body    io.Reader
		answers []step
		want    int
		at      []time.Duration // in seconds
	}{
		"429":              {answers: []step{refusal}, want: ok, at: []time.Duration{0, 2}},
		"429 twice":        {answers: []step{refusal, refusal}, want: ok, at: []time.Duration{0, 2, 4}},
		"429 three times":  {answers: []step{refusal, refusal, refusal}, want: slow, at: []time.Duration{0, 2, 4}},
		"429 of a POST":    {method: "POST", body: strings.NewReader("body"), answers: []step{refusal}, want: ok, at: []time.Duration{0, 2}},
		"unreadable":       {method: "POST", body: once{strings.NewReader("body")}, answers: []step{refusal}, want: slow, at: []time.Duration{0}},
		"no time":          {answers: []step{{slow, nil}, {slow, nil}}, want: ok, at: []time.Duration{0, 1, 3}},
		"0s":               {answers: []step{{slow, []string{"Retry-After: 0"}}}, want: ok, at: []time.Duration{0, 0}},
		"by RateLimit":     {answers: []step{{slow, []string{`RateLimit: "a";r=0;t=5`}}}, want: ok, at: []time.Duration{0, 5}},
		"Retry-After wins": {answers: []step{{slow, []string{"Retry-After: 1", `RateLimit: "a";r=0;t=50`}}}, want: ok, at: []time.Duration{0, 1}},
		"by X-RateLimit":   {answers: []step{{slow, []string{"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 5"}}}, want: ok, at: []time.Duration{0, 5}},
		"by date": {
			answers: []step{{slow, []string{"Date: Sat, 10 Oct 2026 04:48:44 GMT", "Retry-After: Sat, 10 Oct 2026 04:48:54 GMT"}}},
			want:    ok, at: []time.Duration{0, 10},
		},
		"too long":           {answers: []step{{slow, []string{"Retry-After: 61"}}}, want: slow, at: []time.Duration{0}},
		"too long together":  {answers: []step{{slow, []string{"Retry-After: 40"}}, {slow, []string{"Retry-After: 40"}}}, want: slow, at: []time.Duration{0, 40}},
		"GitHub, secondary":  {answers: []step{{denied, []string{"Retry-After: 3"}}}, want: ok, at: []time.Duration{0, 3}},
		"GitHub, primary":    {answers: []step{{denied, []string{"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 3"}}}, want: ok, at: []time.Duration{0, 3}},
		"403":                {answers: []step{{denied, []string{"X-RateLimit-Remaining: 7"}}}, want: denied, at: []time.Duration{0}},
		"503":                {answers: []step{{busy, []string{"Retry-After: 2"}}}, want: ok, at: []time.Duration{0, 2}},
		"503 of a PUT":       {method: "PUT", body: strings.NewReader("body"), answers: []step{{busy, []string{"Retry-After: 2"}}}, want: ok, at: []time.Duration{0, 2}},
		"503 of a POST":      {method: "POST", answers: []step{{busy, []string{"Retry-After: 2"}}}, want: busy, at: []time.Duration{0}},
		"503 with a key":     {method: "POST", header: []string{"Idempotency-Key: 1"}, answers: []step{{busy, []string{"Retry-After: 2"}}}, want: ok, at: []time.Duration{0, 2}},
		"503 without a time": {answers: []step{{busy, nil}}, want: busy, at: []time.Duration{0}},
		"500":                {answers: []step{{500, []string{"Retry-After: 2"}}}, want: 500, at: []time.Duration{0}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(c.answers...)
				tr := newTransport(t, s, client.Config{})
				method := "GET"
				if c.method != "" {
					method = c.method
				}
				r := request(t, method, url, c.body)
				for name, values := range header(c.header...) {
					r.Header[name] = values
				}
				resp, err := tr.RoundTrip(r)
				require.NoError(t, err)
				assert.Equal(t, c.want, resp.StatusCode)
				assert.Same(t, r, resp.Request)
				assert.EqualValues(t, 1, s.open.Load(), "bodies of answers that are open: only the last one")
				require.NoError(t, resp.Body.Close())
				require.Len(t, s.at, len(c.at))
				for i, want := range c.at {
					assert.GreaterOrEqual(t, s.at[i], want*time.Second, "attempt %d", i)
					assert.LessOrEqual(t, s.at[i], want*time.Second*11/10, "attempt %d", i)
				}
				for _, body := range s.bodies {
					assert.Equal(t, s.bodies[0], body)
				}
			})
		})
	}
}

// TestAttempts sends a request once if MaxAttempts is 1. The next request waits
// nevertheless.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{429, []string{"Retry-After: 2"}})
		tr := newTransport(t, s, client.Config{MaxAttempts: 1})
		for _, want := range []int{429, 200} {
			status, err := get(tr, request(t, "GET", url, nil))
			require.NoError(t, err)
			assert.Equal(t, want, status)
		}
		assert.GreaterOrEqual(t, s.at[1], 2*time.Second)
	})
}

// TestJitter refuses two Transports for the same time. They do not come back together.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		for range 4 {
			s := newScript(step{429, []string{"Retry-After: 30"}})
			status, err := get(newTransport(t, s, client.Config{}), request(t, "GET", url, nil))
			require.NoError(t, err)
			require.Equal(t, 200, status)
			assert.GreaterOrEqual(t, s.at[1], 30*time.Second)
			assert.LessOrEqual(t, s.at[1], 33*time.Second)
			at = append(at, s.at[1])
		}
		assert.False(t, at[0] == at[1] && at[1] == at[2] && at[2] == at[3], "%v", at)
	})
}

// TestEndedContext sends nothing again after the end of the request's context.
func TestEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{429, []string{"Retry-After: 10"}})
		tr := newTransport(t, s, client.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		body := &closer{Reader: strings.NewReader("")}
		r := request(t, "GET", url, nil).WithContext(ctx)
		_, err := tr.RoundTrip(r)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 3*time.Second, time.Since(s.start))

		r.Body = body
		_, err = tr.RoundTrip(r)
		require.ErrorIs(t, err, context.Canceled)
		assert.True(t, body.closed)
		assert.Len(t, s.at, 1)
		assert.Zero(t, s.open.Load())
	})
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

// TestGetBodyFails returns the refusal if the body cannot be read again after all.
func TestGetBodyFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(step{429, []string{"Retry-After: 1"}})
		r := request(t, "POST", url, strings.NewReader("body"))
		r.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("gone") }
		resp, err := newTransport(t, s, client.Config{}).RoundTrip(r)
		require.NoError(t, err)
		assert.Equal(t, 429, resp.StatusCode)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, "text", string(text))
	})
}

// TestBaseError returns errors of the base as they are. Failed requests are not in flight
// any more: after 20 of them, the 5 that remain can be used.
func TestBaseError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure, failures := errors.New("no route"), 20
		s := newScript(step{200, []string{`RateLimit: "a";r=5;t=10`}})
		tr := newTransport(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			if failures--; failures >= 0 {
				return nil, failure
			}
			return s.RoundTrip(r)
		}), client.Config{})
		for range 20 {
			_, err := get(tr, request(t, "GET", url, nil))
			require.ErrorIs(t, err, failure)
		}
		for range 6 {
			_, err := get(tr, request(t, "GET", url, nil))
			require.NoError(t, err)
		}
		assert.Equal(t, 2*time.Second, s.at[2]-s.at[1])
		assert.Equal(t, 10*time.Second, s.at[5]-s.at[0])
	})
}

// TestBasePanics has a base that panics, and a caller that recovers. The request is not
// in flight any more: all 5 that remain can be used at once with a limit that is not
// paced.
func TestBasePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		panics := 4
		s := newScript(step{200, []string{`RateLimit: "a";r=5;t=3600`}})
		tr := newTransport(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			if panics--; panics >= 0 {
				panic("a mistake of the base")
			}
			return s.RoundTrip(r)
		}), client.Config{})
		for range 4 {
			require.Panics(t, func() { _, _ = get(tr, request(t, "GET", url, nil)) })
		}
		for range 6 {
			_, err := get(tr, request(t, "GET", url, nil))
			require.NoError(t, err)
		}
		assert.Zero(t, s.at[5])
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// stalled is a body that gives one byte and then nothing, until it is closed.
type stalled struct {
	once   sync.Once
	closed chan struct{}
	read   bool
}

func (s *stalled) Read(p []byte) (int, error) {
	if !s.read {
		s.read = true
		return copy(p, "x"), nil
	}
	<-s.closed
	return 0, io.ErrClosedPipe
}

func (s *stalled) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// TestStalledBody has a server whose refusal never ends. The request is sent again
// nevertheless, since nobody reads the refusal.
func TestStalledBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, refused := newScript(), false
		tr := newTransport(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			if refused {
				return s.RoundTrip(r)
			}
			refused = true
			return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"10"}}, Body: &stalled{closed: make(chan struct{})}}, nil
		}), client.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		resp, err := tr.RoundTrip(request(t, "GET", url, nil).WithContext(ctx))
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
		require.InDelta(t, 10.5, time.Since(began).Seconds(), 0.6, "10s, and up to 1s of jitter")
	})
}
