package limiter

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Result is the answer of a Limiter.
type Result struct {
	// Allowed says that the tokens were there and are taken.
	Allowed bool

	// Limit is the burst, and Remaining the whole tokens left, never negative. Both are
	// store.Unlimited without a limit.
	Limit, Remaining int64

	// RetryAfter is zero if Allowed; else how long until the same call fits if nobody else
	// takes any, or store.Never.
	RetryAfter time.Duration

	// Reset is how long until the bucket is full if nobody takes any, or store.Never. Both
	// durations are rounded up to the microsecond.
	Reset time.Duration
}

// Err is nil if r is Allowed, else a *LimitError.
func (r Result) Err() error {
	if r.Allowed {
		return nil
	}
	return &LimitError{RetryAfter: r.RetryAfter}
}

// LimitError is a refusal as an error, for callers that want one.
type LimitError struct {
	RetryAfter time.Duration // as Result has it
}

// Error names the wait.
func (e *LimitError) Error() string {
	if e.RetryAfter == store.Never {
		return "limiter: refused: waiting does not help"
	}
	return fmt.Sprintf("limiter: refused: retry after %v", e.RetryAfter)
}
