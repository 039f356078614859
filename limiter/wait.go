package limiter

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// minWait is the shortest pause between two calls of one WaitN, so that it never spins.
// Timers are hardly finer.
const minWait = 100 * time.Microsecond

// Wait takes one token from a key's bucket as soon as there is one.
func (l *Limiter) Wait(ctx context.Context, key string) error { return l.WaitN(ctx, key, 1) }

// WaitN takes n tokens from a key's bucket, all at once, as soon as they are there. It
// sleeps for as long as the Counter says and then tries again. Waiters are not queued:
// after each sleep all waiters of a key compete again, and each asks the Counter again.
// SetLimit wakes all of them.
//
// WaitN returns a *LimitError at once if the tokens can never be there. If they cannot be
// there before ctx's deadline, its error wraps both a *LimitError and
// context.DeadlineExceeded. When ctx is done, it returns ctx's error. In all these cases
// it takes nothing. Other errors are those of AllowN.
func (l *Limiter) WaitN(ctx context.Context, key string, n int64) error {
	for {
		if err := ctx.Err(); err != nil { // take does not look at ctx if the limit is Unlimited
			return fmt.Errorf("limiter: wait: %w", err)
		}
		s := l.current.Load()
		var r Result
		err := l.take(ctx, s, key, time.Time{}, n, &r)
		if err != nil || r.Allowed {
			return err
		}
		if r.RetryAfter == store.Never {
			return r.Err()
		}
		wait := max(r.RetryAfter, minWait)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return fmt.Errorf("limiter: wait: %w: %w", context.DeadlineExceeded, r.Err())
		}
		if err := s.sleep(ctx, wait); err != nil {
			return fmt.Errorf("limiter: wait: %w", err)
		}
	}
}

// sleep returns after d, or sooner if SetLimit replaces s. Its error is ctx's.
func (s *setting) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.replaced:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
