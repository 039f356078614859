// Package retry is how a change is tried again that somebody else was faster than.
package retry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// Tries is how often a change is tried.
	Tries = 16

	firstPause = time.Millisecond
	mostPause  = 100 * time.Millisecond
)

// Do calls try until it was not raced, Tries times at most, and returns its last error.
// Between two calls is a pause: those who came at once would be in each other's way again
// and again, so its length is random, and is longer each time. If ctx is done in a pause,
// the error wraps ctx.Err() too.
func Do(ctx context.Context, try func() (raced bool, err error)) error {
	for n, pause := 1, firstPause; ; n, pause = n+1, min(2*pause, mostPause) {
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
