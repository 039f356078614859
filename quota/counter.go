package quota

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

// Config configures a Counter. The zero Config is ready for use.
type Config struct {
	// Keep is how long a window can be refunded and reported after its end. The default
	// is 24h. At most MaxWindows windows are kept, such as 366 minutes of a quota by the
	// minute.
	//
	// Keep loosens no limit. The store keeps a window for at least 24h after its end, or
	// for MaxWindows windows where those are shorter. Clocks may differ by that much, or
	// be set back by that much, and no window's allowance is used twice.
	Keep time.Duration

	// Timeout bounds each call to the store. The default is 100ms. A store that is
	// [store.Local] needs none.
	Timeout time.Duration
}

// Counter holds each key to a Quota. A key is the ID of a user or a customer, or whatever
// else the service counts by. API keys and usage plans are not needed. Make a Counter
// with New. It is safe for concurrent use and keeps no state of its own for a key. Over a
// store that is [store.Local], Use allocates nothing.
//
// A Counter of a Soft Quota counts and refuses nothing. Result.RetryAfter tells what it
// would have refused.
//
// A key's count belongs to the key and the quota's name. Counters over one store that
// count different things under the same keys need quotas with different names. A Counter
// that shares its store with a gate.Gate needs another name too, if its keys may equal
// the subjects of plans.
//
// To change the limit of a quota, make another Counter. Used units stay used.
type Counter struct {
	store   store.Counter
	taker   store.OneTaker // the same store
	quota   Quota
	keep    time.Duration
	timeout time.Duration // zero means none
	current atomic.Pointer[store.Meter]
}

// clockSkew is how far clocks may differ, or one clock may be set back, before the store
// may have forgotten a window that a late caller still charges.
const clockSkew = 24 * time.Hour

// New returns a Counter of q over c. The error reports every fault at once and wraps
// ErrInvalid.
func New(c store.Counter, q Quota, cfg Config) (*Counter, error) {
	errs := []error{
		nilcheck.Required("counter", c, "a store.Counter"),
		fault.In("quota", q.Validate()),
	}
	if cfg.Keep < 0 {
		errs = append(errs, fmt.Errorf("keep: %v: want 0 or more", cfg.Keep))
	}
	if cfg.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: %v: want 0 or more", cfg.Timeout))
	}
	if err := fault.Report(ErrInvalid, "config", errs...); err != nil {
		return nil, err
	}
	counter := &Counter{
		store: c,
		taker: store.One(c),
		quota: q,
		keep:  max(cfg.Keep, clockSkew),
	}
	if !store.IsLocal(c) {
		counter.timeout = cmp.Or(cfg.Timeout, 100*time.Millisecond)
	}
	return counter, nil
}

// Quota returns the quota that c counts.
func (c *Counter) Quota() Quota { return c.quota }

// Result is the answer to one Use.
type Result struct {
	// Allowed reports whether the units are now used. A quota that is not Soft allows only
	// units that were there.
	Allowed bool

	// Limit is the window's allowance in units. Remaining is what is left of it, never
	// negative.
	Limit, Remaining int64

	// RetryAfter is zero if the window had room for the units. Otherwise it is the time
	// until the window ends, or [store.Never] if no window has room for so many.
	//
	// A Soft quota allows the units all the same. They are used, above the Limit. So a
	// Result that is Allowed and has a RetryAfter is one that a hard quota would refuse.
	RetryAfter time.Duration

	// Start and End bound the window that was asked, [Start, End), in the quota's zone.
	Start, End time.Time

	used int64 // what a Refund gives back
}

// Use takes n units of a key's allowance in the current window, all or none. An n of 0
// only reads, and is always Allowed. The key is 1 to [store.MaxSubject] bytes of any
// value.
//
// A refusal is not an error. An error means that the store failed, see [store.Counter],
// or, if it wraps ErrInvalid, that the key or n breaks a rule. The Result is then zero,
// and so not Allowed.
func (c *Counter) Use(ctx context.Context, key string, n int64) (Result, error) {
	if n < 0 || uint(len(key)-1) >= store.MaxSubject {
		return Result{}, useFault(key, n)
	}
	at := time.Now()
	m := c.meter(at)
	level, ok, err := c.take(ctx, key, m, at, n)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Allowed:    ok,
		Limit:      level.Max,
		Remaining:  level.Remaining(),
		RetryAfter: level.Wait,
		Start:      time.Unix(m.Start, 0).In(c.quota.zone()),
		End:        time.Unix(m.End, 0).In(c.quota.zone()),
	}
	if ok {
		r.used = n
	}
	return r, nil
}

// Remaining returns the units that a key has left in the current window, never negative.
// Its errors are those of Use.
func (c *Counter) Remaining(ctx context.Context, key string) (int64, error) {
	r, err := c.Use(ctx, key, 0)
	return r.Remaining, err
}

// Refund gives back what Use charged, for work that failed. The key and r are those of
// that Use. The units go back to the window that was charged, even after its end, for as
// long as Config.Keep says. Refund does nothing for a Result that was not Allowed. It
// goes on when ctx is cancelled, since the request that it is for may be over.
//
// Caution: call Refund once for each Result. It does not remember an earlier call and
// would give the units back again.
func (c *Counter) Refund(ctx context.Context, key string, r Result) error {
	if r.used == 0 {
		return nil
	}
	if uint(len(key)-1) >= store.MaxSubject {
		return useFault(key, 0)
	}
	m := c.window(r.Start)
	_, _, err := c.take(context.WithoutCancel(ctx), key, &m, time.Now(), -r.used)
	return err
}

// Usage returns what a key used in each of the last n windows, the oldest first and the
// current one last. n is 1 to MaxWindows. A window that
// ended longer ago than Config.Keep may read as unused. Its errors are those of Use.
func (c *Counter) Usage(ctx context.Context, key string, n int) ([]Usage, error) {
	if uint(len(key)-1) >= store.MaxSubject {
		return nil, useFault(key, 0)
	}
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	usage, err := Windows(ctx, c.store, time.Now(), []string{key}, c.quota, n)
	if err != nil {
		return nil, err
	}
	return usage[0], nil
}

func (c *Counter) take(ctx context.Context, key string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	level, ok, err := c.taker.TakeOne(ctx, key, m, at, n)
	if err != nil {
		return level, false, fmt.Errorf("quota: %w", err)
	}
	return level, ok, nil
}

// meter returns the meter of the window that at is in. It is the same until the window
// ends: working out a window of the calendar takes longer than a decision in memory.
func (c *Counter) meter(at time.Time) *store.Meter {
	m := c.current.Load()
	if t := at.Unix(); m == nil || t < m.Start || t >= m.End {
		next := c.window(at)
		m = &next
		c.current.Store(m)
	}
	return m
}

// window returns the meter of the window that at is in. It bounds how many windows of a
// key the store keeps: a day of a quota by the minute would be 1,440.
func (c *Counter) window(at time.Time) store.Meter {
	m := c.quota.Meter(at, c.keep)
	if length := time.Duration(m.End-m.Start) * time.Second; m.Keep/length >= MaxWindows {
		m.Keep = MaxWindows * length
	}
	return m
}

func useFault(key string, n int64) error {
	var errs []error
	if have := len(key); have == 0 || have > store.MaxSubject {
		errs = append(errs, fmt.Errorf("key: %d bytes: want 1 to %d", have, store.MaxSubject))
	}
	if n < 0 {
		errs = append(errs, fmt.Errorf("n: %d: want 0 or more", n))
	}
	return fault.Report(ErrInvalid, "call", errs...)
}
