package client

import (
	"context"
	"fmt"
	"time"
)

// A WaitError is the error of a request that would have to wait for too long. The request
// was not sent, or was refused when it was sent before. No time was spent on waiting
// since then, unless the limits became tighter meanwhile.
type WaitError struct {
	Host string        // the host that the request is for
	Wait time.Duration // how long the request would have to wait from now on
	Max  time.Duration // how long it may wait from now on

	// Deadline reports that Max comes from the deadline of the request's context, and not
	// from Config.MaxWait. Then the WaitError wraps context.DeadlineExceeded.
	Deadline bool
}

// Error returns the host, the time to wait and its bound.
func (e *WaitError) Error() string {
	bound := "maxWait"
	if e.Deadline {
		bound = "the deadline"
	}
	return fmt.Sprintf("client: %s: wait: %v: want at most %v by %s",
		e.Host, e.Wait.Round(time.Millisecond), e.Max.Round(time.Millisecond), bound)
}

// Unwrap returns context.DeadlineExceeded if the deadline was too early, or else nil.
func (e *WaitError) Unwrap() error {
	if e.Deadline {
		return context.DeadlineExceeded
	}
	return nil
}

// Timeout reports whether the deadline was too early. It makes the Timeout method of a
// url.Error right.
func (e *WaitError) Timeout() bool { return e.Deadline }
