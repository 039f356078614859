package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// feed gives p the answers to n requests that are sent gap apart and answered at once.
// left returns what remains at the nth of them.
func feed(p *pace, n int, gap time.Duration, left func(i int, now time.Time) int64, l limit) {
	now := time.Date(2026, time.October, 10, 0, 0, 0, 0, time.UTC)
	for i := range n {
		l.left, l.resets = left(i, now), true
		l.reset = time.Second
		seq := uint64(i + 1)
		p.update(l, receipt{seq: seq, sent: seq, began: now, now: now})
		now = now.Add(gap)
	}
}

// TestLearn tells buckets from windows by what remains.
func TestLearn(t *testing.T) {
	ten := limit{quota: 10, window: time.Second}
	full := func(int, time.Time) int64 { return 9 }
	windows := func(length time.Duration, quota int64) func(int, time.Time) int64 {
		var used int64
		var began time.Time
		return func(_ int, now time.Time) int64 {
			if b := now.Truncate(length); !b.Equal(began) {
				began, used = b, 0
			}
			used++
			return quota - used
		}
	}
	tests := map[string]struct {
		limit limit
		n     int
		gap   time.Duration
		left  func(int, time.Time) int64
		want  bool
	}{
		"bucket":           {ten, 20, 100 * time.Millisecond, full, true},
		"few answers":      {ten, 2, 100 * time.Millisecond, full, false},
		"announced":        {limit{quota: 10, window: time.Second, refills: true}, 1, 0, full, true},
		"windows":          {ten, 1000, 110 * time.Millisecond, windows(time.Second, 10), false},
		"windows, idle":    {ten, 1000, 1700 * time.Millisecond, windows(time.Second, 10), false},
		"longer windows":   {limit{quota: 100, window: time.Minute}, 1000, 700 * time.Millisecond, windows(time.Minute, 100), false},
		"without a window": {limit{quota: 10}, 20, 100 * time.Millisecond, full, false},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			var p pace
			feed(&p, c.n, c.gap, c.left, c.limit)
			assert.Equal(t, c.want, p.bucket)
		})
	}
}

// TestRefused takes a bucket for a window again after a refusal, unless the server says
// that it is a bucket.
func TestRefused(t *testing.T) {
	for _, announced := range []bool{false, true} {
		for _, retries := range []bool{false, true} {
			testRefused(t, announced, retries)
		}
	}
}

func testRefused(t *testing.T, announced, retries bool) {
	p := newPartition(time.Minute)
	now := time.Now()
	l := limit{name: "a", quota: 10, window: time.Second, left: 9, reset: time.Second, resets: true, refills: announced}
	for range 20 {
		r := &attempt{status: 200, number: 1}
		p.take(r, now, now)
		p.observe(r, &answer{limits: []limit{l}}, now)
		now = now.Add(100 * time.Millisecond)
	}
	assert.True(t, p.paces[0].bucket)
	r := &attempt{status: 429, number: 1, refused: true}
	p.take(r, now, now)
	p.observe(r,
		&answer{limits: []limit{l}, retryAfter: time.Second, retries: retries}, now)
	assert.Equal(t, announced, p.paces[0].bucket)
}
