package lease

import (
	"context"
	"time"
)

// sweeps is how often the accounts are swept within Config.Life.
const sweeps = 4

// sweep gives back what idle subjects hold, and what has expired. A timer calls it while
// there are accounts.
func (l *Counter) sweep() {
	if !l.enter() {
		return
	}
	defer l.working.Done()
	var idle, busy []*account
	for _, a := range l.accounts.all() {
		switch l.sweepAccount(a) {
		case giveBack:
			idle = append(idle, a)
		case payAhead:
			busy = append(busy, a)
		}
	}
	l.rearm() // before anything that may wait
	_ = each(busy, l.settleBusy)
	l.settleGone()
	_ = each(idle, l.giveBack)
}

// rearm arms the timer of the next sweep if there is anything to be swept.
func (l *Counter) rearm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer = nil; !l.closed.Load() && (l.accounts.any() || len(l.unsettled) > 0) {
		l.timer = time.AfterFunc(l.cfg.Life/sweeps, l.sweep)
	}
}

// sweepAccount returns how an account is to be settled, or payNone if it need not be.
func (l *Counter) sweepAccount(a *account) aim {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := l.clock.now()
	l.expireLate(a, now)
	if !a.settleable() {
		return payNone
	}
	switch idle := a.idle(); {
	case idle && !a.holds():
		l.removeIdle(a)
		return payNone
	case now < a.pause && a.failures > 0:
		return payNone
	case !idle:
		if now-a.began > l.cfg.Life.Microseconds()/2 {
			return payAhead
		}
		return payNone
	}
	return giveBack
}

// idle reports whether there was no charge since the last call. The lock is held.
func (a *account) idle() bool {
	idle := a.quiet()
	a.active, a.seen, a.seenLeft = false, a.pool.Load(), a.pooled()
	return idle
}

// quiet reports whether there was no charge since the last sweep. The lock is held.
func (a *account) quiet() bool {
	p := a.pool.Load()
	return !a.active && a.calls == 0 && (p == nil || p == a.seen && a.pooled() == a.seenLeft)
}

// expireLate ends the leases of an account if the next sweep would be too late for that.
// The lock is held.
func (l *Counter) expireLate(a *account, now int64) {
	if life := l.cfg.Life.Microseconds(); now-a.answered > life-life/sweeps {
		a.expireAll()
	}
}

// expireAll makes everything that is leased something to be given back only.
func (a *account) expireAll() {
	a.drain()
	for _, m := range a.meters {
		m.returning = m.returning || m.ahead()
	}
}

// giveBack gives back everything of an account that is idle or has expired. It is not
// seized before its turn comes: a subject that is charged meanwhile does not wait.
func (l *Counter) giveBack(a *account) error {
	a.mu.Lock()
	if !a.settleable() || !a.quiet() && !a.hasReturns() {
		a.mu.Unlock()
		return nil
	}
	a.seize()
	a.mu.Unlock()
	defer l.release(a)

	ctx, cancel := l.within(context.Background())
	defer cancel()
	err := l.settle(ctx, a, giveBack)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil && a.quiet() && !a.holds() && !a.gone {
		l.removeIdle(a)
	}
	return err
}

// settleBusy settles an account that was not settled for long.
func (l *Counter) settleBusy(a *account) error {
	a.mu.Lock()
	if !a.settleable() {
		a.mu.Unlock()
		return nil
	}
	a.seize()
	a.mu.Unlock()
	defer l.release(a)
	ctx, cancel := l.within(context.Background())
	defer cancel()
	return l.settle(ctx, a, payAhead)
}

// settleGone tries again to settle accounts that are gone and hold something yet.
func (l *Counter) settleGone() {
	l.mu.Lock()
	gone := l.unsettled
	l.unsettled = nil
	l.mu.Unlock()
	_ = each(gone, func(a *account) error {
		ctx, cancel := l.within(context.Background())
		defer cancel()
		return l.closeAccount(ctx, a)
	})
}
