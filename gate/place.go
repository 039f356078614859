package gate

import (
	"container/list"
	"context"
	"fmt"
	"time"
)

// A change of a group or a plan makes all its keys due at once, and many of them may be
// asked for at the same time. Each waits for its turn to be read. Only keys that are
// cached may wait: a flood of unknown secrets is refused at once.

// awaitPlace waits until a look-up has ended and it is the turn of place, which is in
// r.waiting. It waits for Config.LookupTimeout at most.
func (r *resolver) awaitPlace(ctx context.Context, place *list.Element) error {
	var late <-chan time.Time
	if !r.local {
		timer := time.NewTimer(r.timeout)
		defer timer.Stop()
		late = timer.C
	}
	turn := place.Value.(chan struct{})
	var err error
	select {
	case <-turn:
		return nil
	case <-late:
		err = ErrBusy
	case <-ctx.Done():
		err = fmt.Errorf("gate: look-up of a key: %w", ctx.Err())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-turn: // at the same moment
		r.nextPlace()
	default:
		r.waiting.Remove(place)
	}
	return err
}

// nextPlace gives the place of a look-up that has ended to the first that waits for one.
// The caller holds r.mu.
func (r *resolver) nextPlace() {
	if first := r.waiting.Front(); first != nil {
		r.waiting.Remove(first)
		close(first.Value.(chan struct{}))
	}
}
