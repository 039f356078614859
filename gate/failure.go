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

// A Failure says how a limit decides while its counts cannot be read.
type Failure uint8

// The ways to fail. FailDefault is the zero Failure. It stands for FailLocal for
// throttles and for FailClosed for quotas.
const (
	FailDefault Failure = iota
	FailOpen            // admit, and count nothing
	FailClosed          // refuse
	FailLocal           // throttles only: decide by a token bucket in this process
)

// String returns the name of the constant. Of any other value it returns the number.
func (f Failure) String() string {
	names := [...]string{"FailDefault", "FailOpen", "FailClosed", "FailLocal"}
	if int(f) < len(names) {
		return names[f]
	}
	return strconv.Itoa(int(f))
}

// A FailurePolicy says what a Gate does when its Counter fails. If a plan has several
// limits, the strictest of their answers counts. New refuses a Failure that is not one of
// the constants.
//
// The policy is not about keys. A known key that cannot be read stays in use for
// Config.MaxStale, and every other key is refused.
type FailurePolicy struct {
	// Throttle is for token buckets. The default is FailLocal.
	Throttle Failure

	// Quota is for quotas. The default is FailClosed. FailLocal is not allowed: one
	// process of many cannot count a quota.
	Quota Failure
}

// faults returns an error for each Failure that its kind of limit does not have. Such a
// value would open a limit that it was meant to close.
func (p FailurePolicy) faults() (errs []error) {
	if p.Throttle > FailLocal {
		errs = append(errs, fmt.Errorf("onFailure.throttle: %v: want FailDefault, FailOpen, FailClosed or FailLocal", p.Throttle))
	}
	if p.Quota > FailClosed {
		errs = append(errs, fmt.Errorf("onFailure.quota: %v: want FailDefault, FailOpen or FailClosed", p.Quota))
	}
	return errs
}

// decideByPolicy decides instead of the Counter, which failed with err. n is what the
// throttle would have been charged. A Peek takes nothing from the local buckets either.
func (g *Gate) decideByPolicy(ctx context.Context, req *Request, d *Decision, n int64, take bool, err error) error {
	d.Reason = StoreFailed
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("timeout: %v: want at least what a charge takes: %w", g.cfg.Timeout, err)
	}
	err = fmt.Errorf("gate: charge: %w", err)
	m := d.meters
	d.meters = nil
	// The policy is for failures of the Counter. A charge that breaks a rule and a request
	// that has gone away are none, and are refused.
	if errors.Is(err, store.ErrInvalid) || ctx.Err() != nil {
		return err
	}
	throttle, quotas := g.cfg.OnFailure.Throttle, g.cfg.OnFailure.Quota
	switch {
	case len(m.limits) > m.throttles && (quotas == FailDefault || quotas == FailClosed):
	case m.throttles > 0 && throttle == FailClosed:
	case m.throttles > 0 && throttle != FailOpen:
		d.Allowed, d.RetryAfter = g.fallback.takeTokens(d.subject, &m.list[0], req.At, n, take)
		if !d.Allowed {
			d.Reason = throttled(d.RetryAfter)
		}
	default:
		d.Allowed = true
	}
	return err
}

// throttled returns the reason of a throttle that refuses for this long.
func throttled(wait time.Duration) Reason {
	if wait == store.Never {
		return NeverFits
	}
	return Throttled
}

// fallback has the token buckets of this process, for FailLocal. They begin full when
// the Counter fails, since the Counter's state cannot be read.
type fallback struct {
	mu      sync.Mutex
	buckets map[bucketID]store.Bucket
}

type bucketID struct{ subject, name string }

// maxFallback bounds the buckets. Beyond it one is evicted at random and is full again
// when it is next used. The throttle is approximate during an outage in any case.
const maxFallback = 1 << 16

// takeTokens takes n tokens from a bucket. It returns whether they were there, and else
// how long to wait for them. If keep is false, the bucket stays as it is.
func (f *fallback) takeTokens(subject string, m *store.Meter, at time.Time, n int64, keep bool) (bool, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := bucketID{subject, m.Name}
	b, known := f.buckets[id]
	b, level, ok := b.Take(m, at.UnixMicro(), n)
	if !ok || !keep {
		return ok, level.Wait
	}

	if f.buckets == nil {
		f.buckets = map[bucketID]store.Bucket{}
	}
	if !known && len(f.buckets) >= maxFallback {
		for other := range f.buckets {
			delete(f.buckets, other)
			break
		}
	}
	f.buckets[id] = b
	return true, 0
}
