package lease

import (
	"context"
	"time"

	"github.com/ration-go/ration/store"
)

// open makes the account of a subject that is hot.
func (l *Counter) open(hash uint64, subject string, now int64) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return nil
	}
	a := l.accounts.add(hash, subject, now)
	if a != nil && l.timer == nil {
		l.timer = time.AfterFunc(l.cfg.Life/sweeps, l.sweep)
	}
	return a
}

// remove removes an account. Its subject is charged exactly from now on, until it has
// another one. The lock is held.
func (l *Counter) remove(a *account) {
	a.drain()
	a.gone = true
	l.accounts.remove(a)
}

// removeIdle removes an account of which nothing is left to be settled. The next account
// of its subject goes on with its mark. The lock is held.
func (l *Counter) removeIdle(a *account) {
	l.remove(a)
	l.marks.put(a.hash, a.mark)
	a.mark = nil
}

// leave follows a subject that has moved: everything is given back to the subject that
// has its state now. If that fails, it is tried again by the next sweep.
func (l *Counter) leave(ctx context.Context, a *account, moved *store.MovedError) error {
	a.mu.Lock()
	known := a.gone
	l.remove(a)
	a.payee = moved.To
	a.hops++
	meters := append([]*meter(nil), a.meters...)
	hops := a.hops
	a.mu.Unlock()
	if hops > maxHops {
		return moved
	}
	err := l.settleMeters(ctx, a, meters, giveBack)
	if err != nil && !known {
		l.mu.Lock()
		l.unsettled = append(l.unsettled, a)
		l.mu.Unlock()
	}
	return err
}

// maxHops bounds how many moves of one subject are followed.
const maxHops = 4
