package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"time"

	"github.com/ration-go/ration/apikey"
)

// flight is one look-up that several requests wait for.
type flight struct {
	digest  apikey.Digest
	key     string        // its id; "": not known yet
	began   uint64        // after so many changes
	now     time.Duration // when it began, by the Gate's clock
	started time.Time
	done    chan struct{}
	entry   *entry
	err     error
}

// boarding is a request's place: what is remembered, or a flight. With both, what is
// remembered will do if the flight fails or takes too long.
type boarding struct {
	entry  *entry
	flight *flight
	leads  bool
	retry  bool // the last look-up of the key has failed
}

// read looks a key up, unless someone else is doing so already.
func (r *resolver) read(ctx context.Context, q *query) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("gate: look-up of a key: %w", err)
	}
	for {
		b, err := r.board(q)
		if err != nil || b.flight == nil {
			return b.entry, err
		}
		if b.leads {
			r.lead(ctx, b.flight, *q)
		}
		e, err := r.wait(ctx, &b, q)
		if err != nil || b.leads || e.answers(q) {
			return e, err
		}
	}
}

// answers reports whether e, which somebody else has read, is an answer to q. It is none
// if one of its plans has changed, maybe before q was asked, or if the key is refused at
// the other's instant alone.
func (e *entry) answers(q *query) bool {
	return !e.changed() && (!e.bare || e.usable(q.at) != 0)
}

// board finds what is remembered of a key, the flight that is under way for it, or a new
// one, which the caller leads.
//
// A quarter of the places is for keys that may be used as far as is known: a flood of
// others does not keep them out. The others must not be told apart by the answers. So
// what is remembered of a refused key counts only while a key that does not exist would
// be looked up.
func (r *resolver) board(q *query) (b boarding, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := r.maxReads
	if e := r.cache.known(&q.digest); e != nil && e.usable(q.at) == 0 {
		if e.fresh(q.now) {
			return boarding{entry: e}, nil
		}
		if e.lasts(q.now, r.maxStale) {
			b.entry, b.retry = e, e.history.failures > 0 && e.until.Load() != doubted
		}
	} else {
		most -= r.maxReads / 4
		if s, ok := r.refused[q.digest]; ok && q.now < s.until && r.reads < most && !r.failing {
			if s.entry == nil {
				return boarding{}, errUnknown
			}
			if s.entry.usable(q.at) != 0 {
				return boarding{entry: s.entry}, nil
			}
		}
	}
	if b.flight = r.flights[q.digest]; b.flight != nil {
		return b, nil
	}
	if r.reads >= most {
		if b.entry == nil {
			err = ErrBusy
		}
		return b, err
	}
	r.reads++
	b.leads = true
	b.flight = &flight{digest: q.digest, key: q.id, began: r.changes, now: q.now, started: time.Now(), done: make(chan struct{})}
	r.flights[q.digest] = b.flight
	return b, nil
}

// wait is what b's flight finds. A request waits no longer than the patience where what
// is remembered will do, and not at all where the look-up before has failed.
func (r *resolver) wait(ctx context.Context, b *boarding, q *query) (*entry, error) {
	f := b.flight
	if b.entry != nil {
		patience := r.patience - (q.now - f.now)
		if b.retry {
			patience = 0
		}
		if !f.landed(ctx, patience) && ctx.Err() == nil {
			return b.entry, nil
		}
	}
	if !f.landed(ctx, forever) {
		return nil, fmt.Errorf("gate: look-up of a key: %w", ctx.Err())
	}
	if b.entry != nil && f.err != nil && !errors.Is(f.err, errUnknown) {
		return b.entry, nil
	}
	return f.entry, f.err
}

const forever = time.Duration(math.MaxInt64)

// landed waits for the flight's end, for so long and while ctx allows, and reports
// whether it came.
func (f *flight) landed(ctx context.Context, within time.Duration) bool {
	select {
	case <-f.done:
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
	case <-f.done:
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

// lead begins a look-up. It is for all who wait for it, so it does not end with the
// request that began it. Over a directory that may wait it has a goroutine of its own, so
// that the request need not wait for its end.
func (r *resolver) lead(ctx context.Context, f *flight, q query) {
	r.checkSilence(ctx, q.now)
	ctx = context.WithoutCancel(ctx)
	if r.local {
		r.fly(ctx, f, &q)
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, r.timeout)
		defer cancel()
		r.fly(ctx, f, &q)
	}()
}

// fly looks the key up and lands. A panic in a goroutine of its own would end the
// process: it is an error of the look-up there.
func (r *resolver) fly(ctx context.Context, f *flight, q *query) {
	f.err = errors.New("gate: look-up of a key: no answer") // unless load returns
	defer func() {
		if !r.local {
			if v := recover(); v != nil {
				f.err = fmt.Errorf("gate: look-up of a key: panic: %v\n%s", v, debug.Stack())
			}
		}
		r.land(ctx, f)
	}()
	f.entry, f.err = r.load(ctx, f, q)
	if f.err != nil && ctx.Err() != nil {
		f.err = fmt.Errorf("gate: lookupTimeout: %v: want at least what a look-up takes: %w", r.timeout, f.err)
	}
}

// found notes whose flight it is, from before anything more is read of that key.
func (r *resolver) found(f *flight, keyID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.key = keyID
}

// land keeps what a flight has found, and tells those who wait for it.
func (r *resolver) land(ctx context.Context, f *flight) {
	if began := r.settle(f); began && r.logger != nil {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "ration: keys cannot be read: known keys go on as they were read last",
			slog.Any("error", f.err))
	}
	close(f.done)
}

// settle keeps what a flight has found, unless it has changed since the flight began. It
// reports whether an outage begins.
func (r *resolver) settle(f *flight) (began bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flights[f.digest] == f {
		delete(r.flights, f.digest)
	}
	wasFailing := r.failing
	switch unknown := errors.Is(f.err, errUnknown); {
	case f.err != nil && !unknown:
		r.failing = true
		r.postpone(f)
	case unknown || f.entry.bare:
		r.failing = false
		r.refuse(f)
	default:
		r.failing = false
		if max(r.heard[""], r.heard[f.key]) <= f.began && !f.entry.changed() {
			r.cache.put(f.entry)
		}
	}
	if r.reads--; r.reads == 0 {
		clear(r.heard)
	}
	return r.failing && !wasFailing
}

// refuse remembers a secret that is refused, unless anything has changed: that may be
// what would let it in.
func (r *resolver) refuse(f *flight) {
	r.cache.forget(&f.digest)
	if f.began != r.changes {
		return
	}
	for d := range r.refused { // makes room, at random
		if len(r.refused) < r.maxRefused {
			break
		}
		delete(r.refused, d)
	}
	r.refused[f.digest] = refused{f.entry, f.now + r.maxAge}
}

// postpone lets the key of a flight that has failed go on as it was read last, until the
// next try. The pause grows with each failure, up to MaxAge.
func (r *resolver) postpone(f *flight) {
	e := r.cache.known(&f.digest)
	now := f.now + time.Since(f.started)
	if e == nil || e.history.read > f.now || !e.lasts(now, r.maxStale) || r.heard[""] > f.began {
		return
	}
	pause := min(minPause<<min(e.history.failures, 10), r.maxAge)
	e.history.failures++
	e.until.Store(int64(min(now+pause, e.history.read+r.maxStale)))
}

// minPause is the pause after the first failure.
const minPause = 100 * time.Millisecond
