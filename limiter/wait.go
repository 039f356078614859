package limiter

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// minWait is the least time between two questions of one WaitN, so that it never spins.
// Timers are hardly finer.
const minWait = 100 * time.Microsecond

// Wait takes one token of a key's bucket as soon as there is one.
func (l *Limiter) Wait(ctx context.Context, key string) error { return l.WaitN(ctx, key, 1) }

// WaitN takes n tokens, all at once, as soon as they are there. It sleeps for as long as
// the Counter says and tries again, since others may have come first; who waits longest
// has no claim to be first, and of many that wait for one key each asks again for every
// token. SetLimit wakes all of them.
//
// It returns a *LimitError at once if the tokens can never be there, or not before ctx's
// deadline (then it wraps context.DeadlineExceeded too), and ctx's error when ctx is
// done: nothing is taken then. Other errors are those of AllowN.
func (l *Limiter) WaitN(ctx context.Context, key string, n int64) error {
	for {
		if err := ctx.Err(); err != nil { // which a limit that is Unlimited does not look at
			return fmt.Errorf("limiter: wait: %w", err)
		}
		s := l.now.Load()
		r, err := l.take(ctx, s, key, time.Time{}, n)
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

// sleep returns after d, or sooner when another limit is in force. Its error is ctx's.
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
