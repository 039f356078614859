package limiter

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
)

// Config of a Limiter. The zero Config is ready for use.
type Config struct {
	// Name of the bucket; "": "rate". Limiters over one Counter whose keys may be the same need different names.
	Name string
}

// Limiter holds each key to a limit. Make one with New. Safe for concurrent use.
type Limiter struct {
	counter store.Counter
	name    string
	limit   atomic.Pointer[compiled]
}

type compiled struct {
	Limit
	meters []store.Meter // none: unlimited
}

// New makes a Limiter over a Counter. The error wraps ErrInvalid.
func New(c store.Counter, l Limit, cfg Config) (*Limiter, error) {
	lim := &Limiter{counter: c, name: cfg.Name}
	if lim.name == "" {
		lim.name = "rate"
	}
	return lim, lim.SetLimit(l)
}

// SetLimit changes the limit under traffic. Keys keep the tokens they have, down to a smaller burst. A limit with a fault
// changes nothing; the error wraps ErrInvalid.
func (l *Limiter) SetLimit(limit Limit) error {
	c := &compiled{Limit: limit}
	if limit.Unlimited() {
		if err := limit.Validate(); err != nil {
			return err
		}
	} else {
		m, err := limit.Meter(l.name)
		if err != nil {
			return err
		}
		c.meters = []store.Meter{m}
	}
	l.limit.Store(c)
	return nil
}

// Limit is the limit that is in force.
func (l *Limiter) Limit() Limit { return l.limit.Load().Limit }

var charges = sync.Pool{New: func() any { return new(store.Charge) }}

// Allow takes one token of a key's bucket, at the Counter's own reading of the clock. The key is 1 to store.MaxSubject
// bytes. An error means that the Counter failed, not that it refused; see store.Counter.
func (l *Limiter) Allow(ctx context.Context, key string) (Result, error) {
	return l.AllowN(ctx, key, time.Time{}, 1)
}

// AllowN takes n tokens, all or none, at an instant, as time.Now returned it; zero: the Counter reads the clock. Zero n
// only reads; negative n is ErrInvalid.
func (l *Limiter) AllowN(ctx context.Context, key string, at time.Time, n int64) (Result, error) {
	limit := l.limit.Load()
	switch {
	case n < 0:
		return Result{}, fmt.Errorf("%w n: %d: want 0 or more", ErrInvalid, n)
	case len(limit.meters) == 0:
		return Result{Allowed: true, Limit: store.Unlimited, Remaining: store.Unlimited}, nil
	}
	c := charges.Get().(*store.Charge)
	c.Subject, c.At, c.Meters, c.N[0], c.SetRemaining = key, at, limit.meters, n, false
	if err := l.counter.Take(ctx, c); err != nil {
		charges.Put(c)
		return Result{}, fmt.Errorf("limiter: %w", err)
	}
	level := &c.Levels[0]
	r := Result{c.OK, level.Max, level.Remaining(), level.Wait, level.Reset}
	charges.Put(c)
	return r, nil
}

// Peek reads a key's bucket and takes nothing. Allowed is true: a token may be had if Remaining is not zero.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) {
	return l.AllowN(ctx, key, time.Time{}, 0)
}
