package client_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ration-go/ration/client"
)

// kind is a kind of window.
type kind struct {
	quota  int64
	length time.Duration
	write  func(h http.Header, quota, left int64, end time.Time)
}

// window is a handler with windows of a fixed length, as many services have them. Its
// fields are those that write sets.
type window struct {
	kind
	refuse int // the status of a refusal

	mu    sync.Mutex
	began time.Time
	used  int64
}

func (w *window) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if began := now.Truncate(w.length); !began.Equal(w.began) {
		w.began, w.used = began, 0
	}
	rw.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if w.used == w.quota {
		w.write(rw.Header(), w.quota, 0, w.began.Add(w.length))
		rw.WriteHeader(w.refuse)
		return
	}
	w.used++
	w.write(rw.Header(), w.quota, w.quota-w.used, w.began.Add(w.length))
}

// draft writes the fields of the newest draft.
func draft(length time.Duration) func(http.Header, int64, int64, time.Time) {
	return func(h http.Header, quota, left int64, end time.Time) {
		t := (time.Until(end) + time.Second - 1) / time.Second
		h.Set("RateLimit-Policy", fmt.Sprintf(`"w";q=%d;w=%d`, quota, length/time.Second))
		h.Set("RateLimit", fmt.Sprintf(`"w";r=%d;t=%d`, left, t))
	}
}

// older writes the fields of draft 06.
func older(h http.Header, quota, left int64, end time.Time) {
	h.Set("RateLimit-Limit", strconv.FormatInt(quota, 10))
	h.Set("RateLimit-Remaining", strconv.FormatInt(left, 10))
	h.Set("RateLimit-Reset", strconv.FormatInt(int64((time.Until(end)+time.Second-1)/time.Second), 10))
}

// github writes GitHub's fields.
func github(h http.Header, quota, left int64, end time.Time) {
	h.Set("X-RateLimit-Limit", strconv.FormatInt(quota, 10))
	h.Set("X-RateLimit-Remaining", strconv.FormatInt(left, 10))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(end.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

// TestWindows floods services with fixed windows. A window may be nearly over when the
// flood begins.
func TestWindows(t *testing.T) {
	tests := map[string]struct {
		kind
		spread time.Duration
		begin  time.Duration // into a window
		n      int
		most   time.Duration
	}{
		"a second":      {kind{50, time.Second, draft(time.Second)}, 0, 0, 500, 12 * time.Second},
		"half a second": {kind{50, time.Second, draft(time.Second)}, 0, 500 * time.Millisecond, 500, 12 * time.Second},
		"a minute":      {kind{600, time.Minute, draft(time.Minute)}, 0, 0, 1800, 3*time.Minute + 9*time.Second},
		"late":          {kind{600, time.Minute, draft(time.Minute)}, 0, 50 * time.Second, 1800, 3*time.Minute + 9*time.Second},
		"older":         {kind{600, time.Minute, older}, 0, 0, 1800, 3*time.Minute + 9*time.Second},
		"GitHub":        {kind{5000, time.Hour, github}, 0, 0, 12_000, 2*time.Hour + 10*time.Minute},
		"GitHub, paced": {kind{5000, time.Hour, github}, time.Hour, 0, 12_000, 3 * time.Hour},
	}
	for name, c := range tests {
		for _, refuse := range []int{http.StatusTooManyRequests, http.StatusForbidden} {
			t.Run(name+" "+strconv.Itoa(refuse), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &window{kind: c.kind, refuse: refuse}
					s := &server{Handler: w, latency: 20 * time.Millisecond}
					time.Sleep(c.begin) // bubbles begin at midnight
					took := flood(t, newTransport(t, s, client.Config{MaxWait: 24 * time.Hour, Spread: c.spread}), c.n, 50)
					sent := s.requests.Load()
					t.Logf("%v; %d requests for %d", took, sent, c.n)
					assert.LessOrEqual(t, took, c.most)
					assert.EqualValues(t, c.n, sent, "requests that were refused")
				})
			})
		}
	}
}
