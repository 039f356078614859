package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

const (
	// readyTime is how long the store may take to answer.
	readyTime = 2 * time.Second

	// readyAge is how long an answer is used again, so that a flood of questions is no flood
	// for the store.
	readyAge = time.Second
)

// readiness remembers whether the store answers. At most one check is in progress, also
// if the store hangs.
type readiness struct {
	check func(context.Context) error // if nil, the store is always ready
	log   *slog.Logger

	mu    sync.Mutex
	last  checking
	next  *checking // in progress, or nil
	fails bool      // the failure was logged
}

// checking is one check of the store.
type checking struct {
	began, ended time.Time
	done         chan struct{} // closed at the end
	err          error
}

// ask reports whether the store is ready. It waits for a check in progress, until
// readyTime after its beginning or until ctx is done.
func (r *readiness) ask(ctx context.Context) bool {
	if r.check == nil {
		return true
	}
	c := r.current()
	late, cancel := context.WithDeadline(ctx, c.began.Add(readyTime))
	defer cancel()
	select {
	case <-c.done:
		return c.err == nil
	default:
	}
	select {
	case <-c.done:
		return c.err == nil
	case <-late.Done():
		if ctx.Err() == nil {
			r.note(errors.New("no answer"))
		}
		return false
	}
}

// current returns the check in progress, or the last one if it is not too old. Otherwise
// it begins one.
func (r *readiness) current() *checking {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.next != nil:
		return r.next
	case r.last.done != nil && time.Since(r.last.ended) < readyAge:
		last := r.last
		return &last
	}
	r.next = &checking{began: time.Now(), done: make(chan struct{})}
	go r.run(r.next)
	return r.next
}

// run asks the store. A client that disconnects does not end the question, since others
// wait for the answer.
func (r *readiness) run(c *checking) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	err := r.check(ctx)
	if errors.Is(err, store.ErrSettings) {
		err = nil // the store decides nevertheless, and warns of its settings itself
	}
	c.err, c.ended = err, time.Now()
	r.note(err)
	r.mu.Lock()
	r.last, r.next = *c, nil
	r.mu.Unlock()
	close(c.done)
}

// note logs that the store has begun to fail, and that it is ready again.
func (r *readiness) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil && !r.fails:
		r.log.Warn("gateway: not ready, since the store does not answer", "error", err)
	case err == nil && r.fails:
		r.log.Info("gateway: ready again")
	}
	r.fails = err != nil
}
