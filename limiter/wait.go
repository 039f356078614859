package limiter

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Wait takes one token of a key's bucket as soon as there is one.
func (l *Limiter) Wait(ctx context.Context, key string) error { return l.WaitN(ctx, key, 1) }

// WaitN takes n tokens, all at once, as soon as they are there. It sleeps for as long as the Counter says and tries again,
// since others may have come first; who waits longest has no claim to be first. It returns a *LimitError at once if the
// tokens can never be there, or not before ctx's deadline (then it wraps context.DeadlineExceeded too), and ctx's error
// when ctx is done. Nothing is taken then.
func (l *Limiter) WaitN(ctx context.Context, key string, n int64) error {
	for {
		r, err := l.AllowN(ctx, key, time.Time{}, n)
		if err != nil || r.Allowed {
			return err
		}
		if r.RetryAfter == store.Never {
			return r.Err()
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < r.RetryAfter {
			return fmt.Errorf("limiter: wait: %w: %w", context.DeadlineExceeded, r.Err())
		}
		if err := sleep(ctx, r.RetryAfter); err != nil {
			return fmt.Errorf("limiter: wait: %w", err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
