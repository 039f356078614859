// Package retry retries changes that lost a race, with jittered exponential backoff.
package retry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// Tries is the maximum number of attempts.
	Tries = 16

	firstPause = time.Millisecond
	maxPause   = 100 * time.Millisecond
)

// Do calls try until it reports that it was not raced, at most Tries times, and returns
// its last error. Do pauses between attempts. Each pause is random, so that callers that
// collided do not collide again, and its bound doubles up to maxPause. If ctx is done
// during a pause, the error also wraps ctx.Err().
func Do(ctx context.Context, try func() (raced bool, err error)) error {
	for n, pause := 1, firstPause; ; n, pause = n+1, min(2*pause, maxPause) {
		raced, err := try()
		if !raced || n == Tries {
			return err
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}
