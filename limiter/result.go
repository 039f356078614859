package limiter

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Result is the answer of a Limiter to one request.
type Result struct {
	// Allowed reports whether the tokens were there and have been taken.
	Allowed bool

	// Limit is the burst. Remaining is the number of whole tokens left, never negative. Both
	// are store.Unlimited if there is no limit.
	Limit, Remaining int64

	// RetryAfter is zero if Allowed. Otherwise it is the time until the same request fits,
	// if no other request takes tokens, or store.Never.
	RetryAfter time.Duration

	// Reset is the time until the bucket is full, if no request takes tokens, or
	// store.Never. Both durations are rounded up to the microsecond.
	Reset time.Duration
}

// Err returns nil if r is Allowed, and a *LimitError otherwise.
func (r Result) Err() error {
	if r.Allowed {
		return nil
	}
	return &LimitError{RetryAfter: r.RetryAfter}
}

// LimitError reports a refusal, for callers that handle refusals as errors.
type LimitError struct {
	RetryAfter time.Duration // see Result.RetryAfter
}

// Error returns a text with the time after which a retry can succeed.
func (e *LimitError) Error() string {
	if e.RetryAfter == store.Never {
		return "limiter: refused: can never be allowed: over the burst, or the limit is 0"
	}
	return fmt.Sprintf("limiter: refused: retry after %v", e.RetryAfter)
}
