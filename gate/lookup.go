package gate

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"
)

// lookup is one read of a key and its plans. All requests that ask for the same secret
// or ID at the same time share it.
type lookup struct {
	fingerprint fingerprint
	keyID       string        // empty until it is known; guarded by resolver.mu
	began       uint64        // resolver.changes when the look-up began
	now         time.Duration // when the look-up began, by the Gate's clock
	started     time.Time
	done        chan struct{} // closed when entry and err are set
	entry       *entry
	err         error
}

// candidate is where a request gets its answer from: a cached entry, a look-up, or both.
// With both, the entry is the answer if the look-up fails or takes too long.
type candidate struct {
	entry   *entry
	lookup  *lookup
	starts  bool // the request starts the look-up itself
	retries bool // the previous look-up of the key failed

	place *list.Element // instead of all else: where the request waits in resolver.waiting
}

// lookUp returns the entry that answers q. Concurrent calls for one secret or ID
// share a look-up.
func (r *resolver) lookUp(ctx context.Context, q *query) (e *entry, how source, err error) {
	if err := ctx.Err(); err != nil {
		return nil, how, fmt.Errorf("gate: look-up of a key: %w", err)
	}
	for waited := false; ; {
		c, err := r.joinLookup(q, waited)
		if waited = c.place != nil; waited {
			if err := r.awaitPlace(ctx, c.place); err != nil {
				return nil, how, err
			}
			continue
		}
		if err != nil || c.lookup == nil {
			return c.entry, how, err
		}
		how = max(how, joined)
		if c.starts {
			how = lookedUp
			r.startLookup(ctx, c.lookup, *q)
		}
		// A result that another request asked for may not answer q. Then q asks again.
		e, err := r.waitLookup(ctx, &c, q)
		if err != nil || c.starts || e.answers(q) {
			return e, how, err
		}
	}
}

// answers reports whether e, which was read for another request, answers q too.
//
// There are two exceptions. A plan of e may have changed, possibly before q was asked.
// And the key may have been refused only at the other request's instant: then e has no
// plans, and q needs them.
func (e *entry) answers(q *query) bool {
	return !e.changed() && (!e.plansUnread || e.usable(q.at) != 0)
}

// joinLookup returns the cached answer to q, the look-up of its secret or ID that is
// in flight, or a new look-up that the caller must start.
//
// Security: a quarter of the look-ups is reserved for keys that are cached as usable.
// So a flood of unknown secrets cannot keep known keys from being read again.
//
// Security: the answers must not tell refused keys from unknown ones. Therefore a
// remembered refusal is used only while a secret that is not remembered would be looked
// up. If the look-ups are used up or the store fails, both get the same error.
//
// waited says that q has waited for a place. If it does not need the place any more, the
// next one gets it.
func (r *resolver) joinLookup(q *query, waited bool) (c candidate, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		if waited && !c.starts && c.place == nil {
			r.nextPlace()
		}
	}()
	most := r.maxReads
	cached := false
	if e := r.cache.entryOf(q.fingerprint); e != nil && e.usable(q.at) == 0 {
		cached = true
		// Another request may have read the key since this one missed the cache.
		if e.fresh(q.now) {
			return candidate{entry: e}, nil
		}
		if e.lasts(q.now, r.maxStale) {
			c.entry = e
			c.retries = e.failures > 0 && e.until.Load() != mustReload
		}
	} else {
		most -= r.maxReads / 4
		if s, ok := r.refused[q.fingerprint]; ok && q.now < s.until && r.inFlight < most && !r.failing {
			if s.entry == nil {
				return candidate{}, errUnknown
			}
			// The key may be usable at the instant of q, although it was refused at
			// another one.
			if s.entry.usable(q.at) != 0 {
				return candidate{entry: s.entry}, nil
			}
		}
	}

	if c.lookup = r.lookups[q.fingerprint]; c.lookup != nil {
		return c, nil
	}
	if r.inFlight >= most {
		switch {
		case c.entry != nil:
		case cached: // it has changed
			c.place = r.waiting.PushBack(make(chan struct{}))
		default:
			err = ErrBusy
		}
		return c, err
	}
	r.inFlight++
	c.starts = true
	c.lookup = &lookup{
		fingerprint: q.fingerprint,
		keyID:       q.id,
		began:       r.changes,
		now:         q.now,
		started:     time.Now(),
		done:        make(chan struct{}),
	}
	r.lookups[q.fingerprint] = c.lookup
	return c, nil
}

// waitLookup returns the result of c's look-up. If a cached entry can answer q, the
// wait is bounded by Config.Timeout. If the previous look-up failed, there is no wait.
func (r *resolver) waitLookup(ctx context.Context, c *candidate, q *query) (*entry, error) {
	l := c.lookup
	if c.entry != nil {
		patience := r.patience - (q.now - l.now)
		if c.retries {
			patience = 0
		}
		if !l.wait(ctx, patience) && ctx.Err() == nil {
			return c.entry, nil
		}
	}

	if !l.wait(ctx, forever) {
		return nil, fmt.Errorf("gate: look-up of a key: %w", ctx.Err())
	}
	if c.entry != nil && l.err != nil && !errors.Is(l.err, errUnknown) {
		return c.entry, nil
	}
	return l.entry, l.err
}

const forever = time.Duration(math.MaxInt64)

// wait waits until the look-up is done, within has passed, or ctx is done. It reports
// whether the look-up is done.
func (l *lookup) wait(ctx context.Context, within time.Duration) bool {
	// A result that is there counts even if ctx is done or no time is left.
	select {
	case <-l.done:
		return true
	default:
	}
	if within <= 0 {
		return false
	}

	var late <-chan time.Time
	if within < forever {
		timer := time.NewTimer(within)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-l.done:
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

// startLookup starts a look-up. Every request that waits shares its result, so it does
// not end when the context of the request that started it does.
//
// If a store may block, the look-up runs in a goroutine of its own. Then the request
// that started it can leave early, too.
func (r *resolver) startLookup(ctx context.Context, l *lookup, q query) {
	r.warnIfNotListening(ctx, q.now)
	ctx = context.WithoutCancel(ctx)
	if r.local {
		r.runLookup(ctx, l, &q)
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, r.timeout)
		defer cancel()
		r.runLookup(ctx, l, &q)
	}()
}

// runLookup reads the key and ends the look-up.
//
// In a goroutine of its own, a panic of a store would end the process. There it becomes
// the error of the look-up. On the caller's goroutine it goes on to the caller, which may
// recover from it.
func (r *resolver) runLookup(ctx context.Context, l *lookup, q *query) {
	// The error stands if loadEntry does not return: after a panic or runtime.Goexit.
	l.err = errors.New("gate: look-up of a key: no answer")
	defer func() {
		if !r.local {
			if v := recover(); v != nil {
				l.err = fmt.Errorf("gate: look-up of a key: panic: %v\n%s", v, debug.Stack())
			}
		}
		r.endLookup(ctx, l)
	}()
	l.entry, l.err = r.loadEntry(ctx, l, q)
	if l.err != nil && ctx.Err() != nil {
		l.err = fmt.Errorf("gate: lookupTimeout: %v: want at least what a look-up takes: %w", r.timeout, l.err)
	}
}

// setKeyID records which key the look-up reads. It must be called before anything else
// of the key is read: from then on, changes of other keys do not concern the look-up.
func (r *resolver) setKeyID(l *lookup, keyID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.keyID = keyID
}
