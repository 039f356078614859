package observe

import (
	"sync"
	"time"
)

// A sampler lets so many lines pass in each second, and counts the others.
type sampler struct {
	mu         sync.Mutex
	begins     time.Time // of the second
	lines      int       // in the second
	suppressed int64     // since the last line
}

// take reports whether a line may pass now, and how many were suppressed before it.
func (s *sampler) take(now time.Time, perSecond int) (suppressed int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since := now.Sub(s.begins); since >= time.Second || since < 0 {
		s.begins, s.lines = now, 0
	}
	if s.lines >= perSecond {
		s.suppressed++
		return 0, false
	}
	s.lines++
	suppressed, s.suppressed = s.suppressed, 0
	return suppressed, true
}
