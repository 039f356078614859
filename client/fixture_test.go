package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/client"
)

// server is a RoundTripper that gives requests to a Handler in this process. Half of the
// latency is before the Handler and half of it behind.
type server struct {
	http.Handler
	latency time.Duration

	requests, refused atomic.Int64
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	wait(r, s.latency/2)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RemoteAddr, in.Host = "192.0.2.1:1234", r.URL.Host
	s.requests.Add(1)
	s.ServeHTTP(w, in)
	if w.Code == http.StatusTooManyRequests {
		s.refused.Add(1)
	}
	wait(r, s.latency/2)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// wait sleeps for d. It is for bubbles.
func wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// step is an answer of a script.
type step struct {
	status int
	header []string // "Name: value"
}

// script is a RoundTripper that gives its answers one after the other, and then 200. It
// notes when each request came and what it brought.
type script struct {
	answers []step

	mu     sync.Mutex
	start  time.Time
	at     []time.Duration
	seen   []http.Header
	bodies []string
	open   atomic.Int64 // bodies of answers that are not closed
}

func newScript(answers ...step) *script { return &script{answers: answers, start: time.Now()} }

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := step{status: http.StatusOK}
	if n := len(s.at); n < len(s.answers) {
		next = s.answers[n]
	}
	s.at = append(s.at, time.Since(s.start))
	s.seen = append(s.seen, r.Header.Clone())
	s.bodies = append(s.bodies, body)
	s.open.Add(1)
	return &http.Response{
		StatusCode: next.status, Header: header(next.header...), Request: r,
		Body: &closing{Reader: strings.NewReader("text"), open: &s.open},
	}, nil
}

// closing counts its Close.
type closing struct {
	io.Reader
	once sync.Once
	open *atomic.Int64
}

func (c *closing) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return nil
}

func header(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

func newTransport(t testing.TB, base http.RoundTripper, cfg client.Config) *client.Transport {
	t.Helper()
	transport, err := client.New(base, cfg)
	require.NoError(t, err)
	return transport
}

// get sends a GET request and closes the answer's body.
func get(t *client.Transport, r *http.Request) (status int, err error) {
	resp, err := t.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Body.Close()
}

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	return r
}
