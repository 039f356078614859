package redis

import (
	"context"
	"time"
)

// While a Cluster moves a slot, its two nodes answer TRYAGAIN to a call that needs
// several keys if some of them have moved already or do not exist. Such a call has not
// run, so it can be sent again. How soon that helps depends on who moves the slot.
const (
	minBackoff = time.Millisecond
	// The longest pause. All pauses together are half a second.
	maxBackoff = 256 * time.Millisecond
)

// isTryAgain reports whether err is the answer TRYAGAIN.
func isTryAgain(err error) bool { return err != nil && errorCode(err) == "TRYAGAIN" }

// backOff waits before a call is sent again, and doubles pause. It returns false if ctx
// is done, or if the pauses have been long enough.
func backOff(ctx context.Context, pause *time.Duration) bool {
	if *pause > maxBackoff {
		return false
	}
	timer := time.NewTimer(*pause)
	defer timer.Stop()
	*pause *= 2
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
