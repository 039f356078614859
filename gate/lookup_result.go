package gate

import (
	"context"
	"errors"
	"time"
)

// endLookup keeps the result of a look-up and wakes the requests that wait for it.
func (r *resolver) endLookup(ctx context.Context, l *lookup) {
	if r.keepResult(l) {
		r.outage.Fail(ctx, l.err)
	} else {
		r.outage.Succeed(ctx)
	}
	close(l.done)
}

// keepResult caches the result of a look-up, unless what it read has changed since it
// began. It reports whether the look-up failed.
func (r *resolver) keepResult(l *lookup) (failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// After a change, the map may hold a newer look-up of the same secret.
	if r.lookups[l.fingerprint] == l {
		delete(r.lookups, l.fingerprint)
	}
	switch unknown := errors.Is(l.err, errUnknown); {
	case l.err != nil && !unknown:
		r.failing = true
		r.postponeRetry(l)
	case unknown || l.entry.plansUnread:
		r.failing = false
		r.rememberRefused(l)
	default:
		r.failing = false
		if max(r.changedAt[""], r.changedAt[l.keyID]) <= l.began && !l.entry.changed() {
			r.cache.put(l.entry)
			delete(r.departed, l.fingerprint)
		} else {
			r.depart(l.fingerprint)
		}
	}
	if r.inFlight--; r.inFlight == 0 {
		clear(r.changedAt)
	}
	r.nextPlace()
	return r.failing
}

// rememberRefused remembers that a secret is refused. Any change since the look-up
// began may be the one that lets the secret in, so after a change nothing is remembered.
func (r *resolver) rememberRefused(l *lookup) {
	r.cache.remove(l.fingerprint)
	delete(r.departed, l.fingerprint)
	if l.began != r.changes {
		return
	}
	makeRoom(r.refused, r.maxRefused)
	r.refused[l.fingerprint] = refusedSecret{l.entry, l.now + r.maxAge}
}

// makeRoom deletes entries of m until it has fewer than most. Go ranges over a map in
// random order, so makeRoom evicts at random.
func makeRoom[V any](m map[fingerprint]V, most int) {
	for f := range m {
		if len(m) < most {
			break
		}
		delete(m, f)
	}
}

// postponeRetry keeps the cached entry of a key in use after a failed look-up, until
// the next try. The pause doubles with each failure, up to Config.MaxAge.
//
// The end of the pause is written where the end of the entry's age was. So the requests
// until then are cache hits like any other.
func (r *resolver) postponeRetry(l *lookup) {
	e := r.cache.entryOf(l.fingerprint)
	now := l.now + time.Since(l.started)
	if e == nil || e.read > l.now || !e.lasts(now, r.maxStale) || r.changedAt[""] > l.began {
		return
	}
	// The shift is bounded so that it cannot overflow: 100ms << 10 is 102s.
	pause := min(minPause<<min(e.failures, 10), r.maxAge)
	e.failures++
	e.until.Store(int64(min(now+pause, e.read+r.maxStale)))
}

// minPause is the pause after the first failure.
const minPause = 100 * time.Millisecond
