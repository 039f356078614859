package limiter

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/store"
)

// Config configures a Limiter. The zero Config is ready for use.
type Config struct {
	// Name is the name of the bucket, at most store.MaxName bytes. The default is "rate".
	// Limiters that share a Counter and may see the same keys need different names.
	Name string

	// Timeout bounds each call to the Counter. The default is 100ms. A Counter that is
	// store.Local needs none.
	Timeout time.Duration
}

// Limiter holds each key to a Limit. Make one with New. A Limiter is safe for concurrent
// use and keeps no state of its own for a key. Over a Counter that is store.Local, a
// decision allocates nothing. While the limit is Unlimited, the Limiter admits every
// request without a call to the Counter.
type Limiter struct {
	counter store.OneTaker
	charged store.Counter // that of counter, for a Set
	name    string
	timeout time.Duration // zero means none
	current atomic.Pointer[setting]
}

// setting is a limit while it is in force.
type setting struct {
	limit    Limit
	meter    store.Meter   // unused if the limit is Unlimited
	replaced chan struct{} // closed by the SetLimit that replaces this setting
}

// New returns a Limiter over c. The error reports every fault at once and wraps
// ErrInvalid.
func New(c store.Counter, l Limit, cfg Config) (*Limiter, error) {
	lim := &Limiter{name: cmp.Or(cfg.Name, "rate")}
	errs := []error{fault.In("limit", lim.SetLimit(l))}
	if err := nilcheck.Required("counter", c, "a store.Counter"); err != nil {
		errs = append(errs, err)
	} else {
		lim.counter, lim.charged = store.One(c), c
	}
	if cfg.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: %v: want 0 or more", cfg.Timeout))
	}
	if !store.IsLocal(c) {
		lim.timeout = cmp.Or(cfg.Timeout, 100*time.Millisecond)
	}
	if n := len(lim.name); n > store.MaxName {
		errs = append(errs, fmt.Errorf("name: %d bytes: want at most %d", n, store.MaxName))
	}
	if err := fault.Report(ErrInvalid, "config", errs...); err != nil {
		return nil, err
	}
	return lim, nil
}

// Name returns the name of the bucket: Config.Name or its default.
func (l *Limiter) Name() string { return l.name }

// SetLimit changes the limit, also under traffic. Keys keep the tokens they have, down to
// a smaller burst. Callers blocked in Wait try again at once under the new limit. An
// invalid limit changes nothing, and the error wraps ErrInvalid.
func (l *Limiter) SetLimit(limit Limit) error {
	m, err := limit.bucket()
	if err != nil {
		return err
	}
	m.Name = l.name
	next := &setting{limit, m, make(chan struct{})}
	if old := l.current.Swap(next); old != nil {
		close(old.replaced)
	}
	return nil
}

// Limit returns the limit that is in force.
func (l *Limiter) Limit() Limit { return l.current.Load().limit }

// Allow takes one token from a key's bucket. The Counter reads the clock. Its errors are
// those of AllowN.
func (l *Limiter) Allow(ctx context.Context, key string) (r Result, err error) {
	err = l.take(ctx, l.current.Load(), key, time.Time{}, 1, &r)
	return r, err
}

// AllowN takes n tokens from a key's bucket, all or none. The instant at is one that
// time.Now returned; if it is zero, the Counter reads the clock. An n of 0 only reads.
// The key is 1 to store.MaxSubject bytes of any value.
//
// A refusal is not an error. An error means that the Counter failed (see store.Counter)
// or, if it wraps ErrInvalid, that the key or a negative n breaks a rule. After an error
// the Result is zero, and so not Allowed. The caller decides whether to admit a request
// after an error.
func (l *Limiter) AllowN(ctx context.Context, key string, at time.Time, n int64) (r Result, err error) {
	err = l.take(ctx, l.current.Load(), key, at, n, &r)
	return r, err
}

// Refund gives n tokens back that were taken from a key's bucket, such as those of a
// request that need not count after all. The bucket takes them up to its burst. Refund
// works also after ctx has ended, and is bounded by Config.Timeout. The errors are those
// of AllowN.
func (l *Limiter) Refund(ctx context.Context, key string, n int64) error {
	s := l.current.Load()
	if n < 0 || uint(len(key)-1) >= store.MaxSubject {
		return callFault(key, n)
	}
	if n == 0 || s.limit.Unlimited() {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if l.timeout > 0 {
		within, cancel := context.WithTimeout(ctx, l.timeout)
		defer cancel()
		ctx = within
	}
	if _, _, err := l.counter.TakeOne(ctx, key, &s.meter, time.Time{}, -n); err != nil {
		return fmt.Errorf("limiter: %w", err)
	}
	return nil
}

// Peek reads a key's bucket and takes nothing. Allowed is always true, except after an
// error. Remaining tells whether a token can be taken.
func (l *Limiter) Peek(ctx context.Context, key string) (r Result, err error) {
	err = l.take(ctx, l.current.Load(), key, time.Time{}, 0, &r)
	return r, err
}

// take fills in r, which is zero. A Result that is returned from function to function is
// copied in each one: each copy takes 4ns of a decision of 60ns.
func (l *Limiter) take(ctx context.Context, s *setting, key string, at time.Time, n int64, r *Result) error {
	if n < 0 || uint(len(key)-1) >= store.MaxSubject {
		return callFault(key, n)
	}
	if s.limit.Unlimited() {
		*r = Result{Allowed: true, Limit: store.Unlimited, Remaining: store.Unlimited}
		return nil
	}
	if l.timeout > 0 {
		within, cancel := context.WithTimeout(ctx, l.timeout)
		defer cancel()
		ctx = within
	}
	level, ok, err := l.counter.TakeOne(ctx, key, &s.meter, at, n)
	if err != nil {
		return fmt.Errorf("limiter: %w", err)
	}
	r.Allowed = ok
	r.Limit, r.Remaining = level.Max, level.Remaining()
	r.RetryAfter, r.Reset = level.Wait, level.Reset
	return nil
}

func callFault(key string, n int64) error {
	var errs []error
	if have := len(key); have == 0 || have > store.MaxSubject {
		errs = append(errs, fmt.Errorf("key: %d bytes: want 1 to %d", have, store.MaxSubject))
	}
	if n < 0 {
		errs = append(errs, fmt.Errorf("n: %d: want 0 or more", n))
	}
	return fault.Report(ErrInvalid, "call", errs...)
}
