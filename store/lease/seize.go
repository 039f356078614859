package lease

import (
	"context"
	"time"
)

// seize makes the caller the only one that settles an account. The lock is held, and no
// settlement is under way.
func (a *account) seize() {
	a.settling = make(chan struct{})
}

// settleable reports whether a settlement may begin of itself: none is under way, and no
// charge keeps it from beginning. The lock is held.
func (a *account) settleable() bool { return a.settling == nil && !a.gone && a.heldBack == 0 }

// release ends what seize began.
func (l *Counter) release(a *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.settling)
	a.settling = nil
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

// acquireAll seizes accounts, which are in the order in which all callers seize them.
func (l *Counter) acquireAll(ctx context.Context, accounts []*account) error {
	for i, a := range accounts {
		if err := l.acquire(ctx, a); err != nil {
			l.releaseAll(accounts[:i])
			return err
		}
	}
	return nil
}

func (l *Counter) releaseAll(accounts []*account) {
	for _, a := range accounts {
		l.release(a)
	}
}

// seizeSet seizes the accounts of a set. Call releaseSet at the end.
func (l *Counter) seizeSet(ctx context.Context, set *payers) error {
	err := l.acquireAll(ctx, set.order[:set.n])
	set.held = err == nil
	return err
}

func (l *Counter) releaseSet(set *payers) {
	set.held = false
	l.releaseAll(set.order[:set.n])
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
// from before the settlement. It does not wait for long, and no later settlement waits
// for the same charges: one that hangs must not stop the leases of its subject.
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
		a.abandonCalls()
	case <-ctx.Done():
	}
}

// abandonCalls has settlements wait no longer for the charges that are in flight.
func (a *account) abandonCalls() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight, a.noneInFlight = 0, nil
	a.abandoned = a.begun
}
