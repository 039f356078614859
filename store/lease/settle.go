package lease

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/store"
)

// begin begins a settlement in the background, unless one is under way. The lock is held.
func (l *Counter) begin(a *account) {
	if !a.settleable() || l.isEarly(a) || !l.enter() {
		return
	}
	a.seize()
	go func() {
		defer l.working.Done()
		defer l.release(a)
		ctx, cancel := l.within(context.Background())
		defer cancel()
		_ = l.settle(ctx, a, payAhead)
	}()
}

// enter counts one more piece of work, unless the Counter is closed.
func (l *Counter) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return false
	}
	l.working.Add(1)
	return true
}

// settle settles an account that the caller has seized.
func (l *Counter) settle(ctx context.Context, a *account, to aim) error {
	l.awaitCalls(ctx, a)
	a.mu.Lock()
	a.drain()
	began := l.clock.now()
	a.mu.Unlock()

	err := l.resolve(ctx, a)
	if err == nil {
		err = l.settleAccount(ctx, a, to)
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	now := l.clock.now()
	a.began, a.roundTrip, a.dry = began, now-began, false
	if err == nil {
		a.failures, a.pause = 0, 0
	} else {
		a.failures = min(a.failures+1, maxFailures)
		a.pause = now + l.cfg.Life.Microseconds()>>(maxFailures-a.failures)
	}
	a.tidy()
	if to == payAhead && err == nil {
		a.openPool(now + a.shift)
	}
	return err
}

// settleAccount settles all meters of an account.
func (l *Counter) settleAccount(ctx context.Context, a *account, to aim) error {
	a.mu.Lock()
	returning, live := a.split(l.clock.now())
	unread := to == payAhead && hasUnread(live)
	a.mu.Unlock()
	if err := l.settleMeters(ctx, a, returning, giveBack); err != nil {
		return err
	}
	err := l.settleMeters(ctx, a, live, to)
	if err == nil && unread { // now it is known how much can be paid ahead
		err = l.settleMeters(ctx, a, live, to)
	}
	return err
}

// hasUnread reports whether it is not known where one of the meters stands.
func hasUnread(meters []*meter) bool {
	return slices.ContainsFunc(meters, func(m *meter) bool { return !m.known && !m.returning })
}

// maxFailures bounds how often the pause after a failed settlement doubles: to
// Config.Life. Any answer for the subject ends it.
const maxFailures = 4

// split returns the meters that are only to be given back, and all others. A lease dies
// with its window.
func (a *account) split(now int64) (returning, live []*meter) {
	for _, m := range a.meters {
		if m.IsWindow() && m.End <= a.settleAt(now).Unix() {
			a.expire(m)
		}
		if m.returning {
			returning = append(returning, m)
		} else {
			live = append(live, m)
		}
	}
	return returning, live
}

// longUnused is after how many settlements a large account forgets a meter.
const longUnused = 100

// tidy forgets meters of which nothing is left, and in a large account those that were
// not used of late. It forgets none while charges are in flight: their answers are from
// before the settlement or from after it, and only the state that is known tells which.
func (a *account) tidy() {
	if a.lost != nil {
		return // it may change any of them yet
	}
	kept := make([]*meter, 0, len(a.meters))
	for _, m := range a.meters {
		if m.unused++; m.taken > 0 || m.avail != 0 {
			m.unused = 0
		}
		unused := m.returning || len(a.meters) > maxMeters/2 && m.unused > longUnused
		if m.settled() && unused && a.calls == 0 {
			m.returning = true
		} else {
			kept = append(kept, m)
		}
	}
	a.meters = kept
}

// settleMeters settles meters, as many at a time as a charge may have.
func (l *Counter) settleMeters(ctx context.Context, a *account, meters []*meter, to aim) error {
	for len(meters) > 0 {
		n := min(len(meters), store.MaxMeters)
		paid, ok, err := l.settleOnce(ctx, a, meters[:n], to)
		if err == nil && !ok && paid {
			// Others were faster. What was spent still has to be charged.
			_, ok, err = l.settleOnce(ctx, a, meters[:n], payNone)
		}
		if err == nil && !ok {
			a.forgetUncountable(meters[:n])
		}
		if err != nil {
			return err
		}
		meters = meters[n:]
	}
	return nil
}

// forgetUncountable forgets what was spent of a record that has no room for it, since a
// count is at most store.MaxUnits. Otherwise no settlement would succeed any more.
func (a *account) forgetUncountable(meters []*meter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drain() // a pool may have been opened since the answer
	for _, m := range meters {
		if !m.ahead() && m.IsWindow() && m.state.Window.Used > store.MaxUnits {
			m.avail = 0
		}
	}
}

// settleOnce makes one charge. It reports whether the charge was to pay ahead, and
// whether it has happened.
func (l *Counter) settleOnce(ctx context.Context, a *account, meters []*meter, to aim) (paid, ok bool, err error) {
	a.mu.Lock()
	s := l.newSettlement(a, cmp.Or(a.payee, a.subject), meters, to)
	if len(s.charge.Parts) == 0 {
		a.mu.Unlock()
		return false, true, nil
	}
	s.charge.At = a.settleAt(l.clock.now())
	l.addMark(a, s)
	s.flight = a.start(0, s.moves())
	if to == payAhead {
		// What is left is spent without a lock meanwhile. On a busy machine an answer can take
		// longer than a block lasts.
		a.openPool(l.clock.now() + a.shift)
	}
	a.mu.Unlock()
	err = l.takeSafely(ctx, &s.charge)
	happened := l.hear(a, s, err)
	if moved, is := errors.AsType[*store.MovedError](err); is {
		return false, true, l.leave(ctx, a, moved)
	}
	return s.paid, happened == yes, err
}

// hear takes over the answer to a settlement. It returns whether the settlement has
// happened.
func (l *Counter) hear(a *account, s *settlement, err error) outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := l.clock.now()
	if err == nil {
		a.heardAt(now)
	}
	a.drain()
	happened := s.outcome(err)
	l.end(a, &s.flight, happened != no)
	s.finish(a, now, happened, err == nil)
	l.expireLate(a, now) // a sweep has not seen what was on its way
	switch {
	case s.mark == nil:
	case happened == unknown:
		a.lost = s
	case err == nil && !s.advance():
		a.mark = nil
	}
	return happened
}
