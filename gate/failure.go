package gate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// Failure is what becomes of a limit when its counts cannot be had.
type Failure uint8

// The ways to fail. The zero Failure is the default of its kind of limit.
const (
	FailDefault Failure = iota
	FailOpen            // admit, and count nothing
	FailClosed          // refuse
	FailLocal           // throttles only: admit what a bucket in this process admits
)

// String returns the name of the constant, or the number of what is none.
func (f Failure) String() string {
	names := [...]string{"FailDefault", "FailOpen", "FailClosed", "FailLocal"}
	if int(f) < len(names) {
		return names[f]
	}
	return strconv.Itoa(int(f))
}

// FailurePolicy is what a Gate does when its Counter fails: the strictest of what it says
// for the limits of the plan. It says nothing of keys: where a key cannot be read, a
// known one goes on for Config.MaxStale, and every other one is refused. NewGate refuses
// a Failure that is none of the above.
type FailurePolicy struct {
	Throttle Failure // FailDefault: FailLocal
	Quota    Failure // FailDefault: FailClosed; not FailLocal, since one process of many cannot count a quota
}

// faults tells of what is no Failure of its kind of limit: it would open what it was to
// close.
func (p FailurePolicy) faults() (errs []error) {
	if p.Throttle > FailLocal {
		errs = append(errs, fmt.Errorf("onFailure.throttle: %v: want FailDefault, FailOpen, FailClosed or FailLocal", p.Throttle))
	}
	if p.Quota > FailClosed {
		errs = append(errs, fmt.Errorf("onFailure.quota: %v: want FailDefault, FailOpen or FailClosed", p.Quota))
	}
	return errs
}

// failed decides in the Counter's place; n is what the throttle would have taken. A Peek
// takes nothing here either.
func (g *Gate) failed(ctx context.Context, req *Request, d *Decision, n int64, take bool, err error) error {
	d.Reason = StoreFailed
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("timeout: %v: want at least what a charge takes: %w", g.cfg.Timeout, err)
	}
	err = fmt.Errorf("gate: charge: %w", err)
	m := d.meters
	d.meters = nil
	if errors.Is(err, store.ErrInvalid) || ctx.Err() != nil { // not the Counter's fault
		return err
	}
	throttle, quotas := g.cfg.OnFailure.Throttle, g.cfg.OnFailure.Quota
	switch {
	case len(m.limits) > m.throttles && (quotas == FailDefault || quotas == FailClosed):
	case m.throttles > 0 && throttle == FailClosed:
	case m.throttles > 0 && throttle != FailOpen:
		d.Allowed, d.RetryAfter = g.fallback.take(d.subject, &m.list[0], req.At, n, take)
		if !d.Allowed {
			d.Reason = throttled(d.RetryAfter)
		}
	default:
		d.Allowed = true
	}
	return err
}

// throttled is the reason of a throttle that refuses for so long.
func throttled(wait time.Duration) Reason {
	if wait == store.Never {
		return NeverFits
	}
	return Throttled
}

// fallback is the buckets of this process while the Counter fails. Their state is not
// that of the Counter.
type fallback struct {
	mu      sync.Mutex
	buckets map[fallen]store.Bucket
}

type fallen struct{ subject, name string }

// maxFallen bounds the buckets; beyond it one is forgotten, at random: the throttle is
// approximate then in any case.
const maxFallen = 1 << 16

// take takes n from a bucket, or only tells whether it could.
func (f *fallback) take(subject string, m *store.Meter, at time.Time, n int64, keep bool) (bool, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := fallen{subject, m.Name}
	b, known := f.buckets[key]
	b, level, ok := b.Take(m, at.UnixMicro(), n)
	if !ok || !keep {
		return ok, level.Wait
	}
	if f.buckets == nil {
		f.buckets = map[fallen]store.Bucket{}
	}
	if !known && len(f.buckets) >= maxFallen {
		for other := range f.buckets {
			delete(f.buckets, other)
			break
		}
	}
	f.buckets[key] = b
	return true, 0
}
