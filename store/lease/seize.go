package lease

import (
	"context"
	"time"
)

// seize makes the caller the only one that settles an account. The lock is held, and no
// settlement is under way.
func (a *account) seize() {
	a.settling = make(chan struct{})
	a.busy.Store(true)
}

// release ends what seize began.
func (l *Counter) release(a *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.settling)
	a.settling, a.moving = nil, false
	a.epoch++
	a.busy.Store(false)
}

// acquire seizes an account, after the settlement that is under way.
func (l *Counter) acquire(ctx context.Context, a *account) error {
	for {
		a.mu.Lock()
		wait := a.settling
		if wait == nil {
			a.seize()
		}
		a.mu.Unlock()
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return notTaken(ctx.Err())
		}
	}
}

// acquireAll seizes every account of a set, in the order in which all callers do.
func (l *Counter) acquireAll(ctx context.Context, set *payers) error {
	for i, a := range set.order[:set.n] {
		if err := l.acquire(ctx, a); err != nil {
			for _, a := range set.order[:i] {
				l.release(a)
			}
			return err
		}
	}
	set.held = true
	return nil
}

func (l *Counter) releaseAll(set *payers) {
	set.held = false
	for _, a := range set.order[:set.n] {
		l.release(a)
	}
}

// settleAll settles every account of a set. The caller has seized them.
func (l *Counter) settleAll(ctx context.Context, set *payers, to aim) error {
	for _, a := range set.order[:set.n] {
		if err := l.settle(ctx, a, to); err != nil {
			return err
		}
	}
	return nil
}

// awaitCalls waits until no charge is under way that cannot tell whether its answer is
// from before the settlement. It does not wait for long: one charge that hangs must not
// stop the leases of its subject.
func (l *Counter) awaitCalls(ctx context.Context, a *account) {
	a.mu.Lock()
	ended := a.noneInFlight
	if a.inFlight > 0 && ended == nil {
		ended = make(chan struct{})
		a.noneInFlight = ended
	}
	a.mu.Unlock()
	if ended == nil {
		return
	}
	timer := time.NewTimer(l.cfg.Timeout / 4)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
	}
}
