// Package guess limits how often clients may present credentials that are not good, so
// that guesses do not reach a store.
package guess

import (
	"sync"
	"sync/atomic"
	"time"
)

// MaxClients bounds the clients that a Limiter counts. An entry takes about 100 bytes.
const MaxClients = 1 << 14

// A Limiter counts the failures of each client in a token bucket, in bounded memory and
// without a goroutine. A client whose bucket is empty must wait. A failure that was under
// way when the bucket became empty is counted too, and the client waits longer: so over a
// long time no client fails more often than the rate, however many requests it sends at
// once.
//
// With more than MaxClients clients, those with the fewest failures are forgotten first.
// A Limiter is safe for concurrent use.
type Limiter struct {
	every time.Duration // forgives one failure
	burst time.Duration // every, for each failure that the bucket holds
	began time.Time     // instants count from it, and no set wall clock disturbs them

	until atomic.Int64 // the latest instant at which a client that waits may go on, or 0

	mu      sync.Mutex
	clients map[string]time.Duration // the instant at which all failures are forgiven
}

// New returns a Limiter that forgives a failure in each time every, and forgives burst of
// them at once. Both must be greater than zero.
func New(every time.Duration, burst int) *Limiter {
	return &Limiter{
		every:   every,
		burst:   every * time.Duration(burst),
		began:   time.Now(),
		clients: map[string]time.Duration{},
	}
}

// Active reports whether some client may have to wait. It is small enough to be inlined.
func (l *Limiter) Active() bool { return l.until.Load() != 0 }

// Wait returns how long a client has to wait, or 0.
func (l *Limiter) Wait(client string, now time.Time) time.Duration {
	at := now.Sub(l.began)
	l.mu.Lock()
	defer l.mu.Unlock()
	if int64(at) >= l.until.Load() {
		l.until.Store(0)
		return 0
	}
	return max(0, l.waitUntil(l.clients[client])-at)
}

// waitUntil returns the instant from which a client may fail once more.
func (l *Limiter) waitUntil(forgiven time.Duration) time.Duration {
	return forgiven - l.burst + l.every
}

// Fail counts a failure of a client. It reports whether the client has to wait now.
func (l *Limiter) Fail(client string, now time.Time) bool {
	at := now.Sub(l.began)
	l.mu.Lock()
	defer l.mu.Unlock()
	forgiven, known := l.clients[client]
	if !known && len(l.clients) >= MaxClients {
		l.forgetOne()
	}
	// The bound keeps the wait short after many failures at once.
	forgiven = min(max(forgiven, at)+l.every, at+2*l.burst)
	l.clients[client] = forgiven
	until := l.waitUntil(forgiven)
	if until <= at {
		return false
	}
	l.until.Store(max(l.until.Load(), int64(until)))
	return true
}

// forgetOne forgets the client of a few whose failures are forgiven first. Go ranges over
// a map from a random place, so a flood of clients with one failure each does not push
// out those that must wait.
func (l *Limiter) forgetOne() {
	var first string
	var least time.Duration
	n := 0
	for client, forgiven := range l.clients {
		if n == 0 || forgiven < least {
			first, least = client, forgiven
		}
		if n++; n == 16 {
			break
		}
	}
	delete(l.clients, first)
}

// Clients returns how many clients are counted.
func (l *Limiter) Clients() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.clients)
}
