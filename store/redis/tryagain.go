package redis

import (
	"context"
	"time"
)

// While a Cluster moves a slot, a call that needs keys of which some have gone already,
// or are not there at all, is answered TRYAGAIN at both ends. It has not run, so it can
// be sent again; how soon that helps is for the mover to say.
const (
	briefest = time.Millisecond
	utmost   = 256 * time.Millisecond // all pauses together: half a second
)

// moving says whether a call was answered so.
func moving(err error) bool { return err != nil && code(err) == "TRYAGAIN" }

// wait is for who tries again: each pause is twice the one before. It is false when ctx
// is done, or it has been long enough.
func wait(ctx context.Context, pause *time.Duration) bool {
	if *pause > utmost {
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
