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

// Config of a Limiter. The zero Config is ready for use.
type Config struct {
	// Name of the bucket, at most store.MaxName bytes; "": "rate". Limiters over one Counter
	// whose keys may be the same need different names.
	Name string

	// Timeout bounds each question to the Counter; zero: 100 ms. A Counter that is
	// store.Local has none.
	Timeout time.Duration
}

// Limiter holds each key to a limit. Make one with New. Safe for concurrent use. It keeps
// nothing of a key and, over a Counter that is store.Local, allocates nothing to decide;
// while its limit is Unlimited it admits without asking the Counter.
type Limiter struct {
	counter store.OneTaker
	name    string
	timeout time.Duration // zero: none
	now     atomic.Pointer[setting]
}

// setting is a limit in force.
type setting struct {
	limit    Limit
	meter    store.Meter   // of no use if the limit is Unlimited
	replaced chan struct{} // closed when another limit is in force
}

// New makes a Limiter over a Counter. The error reports every fault at once and wraps
// ErrInvalid.
func New(c store.Counter, l Limit, cfg Config) (*Limiter, error) {
	lim := &Limiter{name: cmp.Or(cfg.Name, "rate")}
	errs := []error{fault.In("limit", lim.SetLimit(l))}
	if err := nilcheck.Required("counter", c, "a store.Counter"); err != nil {
		errs = append(errs, err)
	} else {
		lim.counter = store.One(c)
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

// Name returns the name of the bucket, as Config has it.
func (l *Limiter) Name() string { return l.name }

// SetLimit changes the limit under traffic. Keys keep the tokens they have, down to a
// smaller burst; who waits in Wait asks again. A limit with a fault changes nothing; the
// error wraps ErrInvalid.
func (l *Limiter) SetLimit(limit Limit) error {
	m, err := limit.bucket()
	if err != nil {
		return err
	}
	m.Name = l.name
	next := &setting{limit, m, make(chan struct{})}
	if old := l.now.Swap(next); old != nil {
		close(old.replaced)
	}
	return nil
}

// Limit is the limit that is in force.
func (l *Limiter) Limit() Limit { return l.now.Load().limit }

// Allow takes one token of a key's bucket, at the Counter's own reading of the clock.
// Errors are those of AllowN.
func (l *Limiter) Allow(ctx context.Context, key string) (Result, error) {
	return l.take(ctx, l.now.Load(), key, time.Time{}, 1)
}

// AllowN takes n tokens of a key's bucket, all or none, at an instant, as time.Now
// returned it; zero: the Counter reads the clock. Zero n only reads. The key is 1 to
// store.MaxSubject bytes of any value.
//
// A refusal is not an error. An error means that the Counter failed, see store.Counter,
// or, if it wraps ErrInvalid, that the key or a negative n breaks a rule. The Result is
// then zero, and so not Allowed: what becomes of a request that could not be decided is
// for the caller to say.
func (l *Limiter) AllowN(ctx context.Context, key string, at time.Time, n int64) (Result, error) {
	return l.take(ctx, l.now.Load(), key, at, n)
}

// Peek reads a key's bucket and takes nothing. Allowed is true: a token may be had if
// Remaining is not zero.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) {
	return l.take(ctx, l.now.Load(), key, time.Time{}, 0)
}

func (l *Limiter) take(ctx context.Context, s *setting, key string, at time.Time, n int64) (Result, error) {
	if n < 0 || uint(len(key)-1) >= store.MaxSubject {
		return Result{}, callFault(key, n)
	}
	if s.limit.Unlimited() {
		return Result{Allowed: true, Limit: store.Unlimited, Remaining: store.Unlimited}, nil
	}
	if l.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.timeout)
		defer cancel()
	}
	level, ok, err := l.counter.TakeOne(ctx, key, &s.meter, at, n)
	if err != nil {
		return Result{}, fmt.Errorf("limiter: %w", err)
	}
	return Result{ok, level.Max, level.Remaining(), level.Wait, level.Reset}, nil
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
