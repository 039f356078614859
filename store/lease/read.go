package lease

import (
	"context"
	"slices"

	"github.com/ration-go/ration/store"
)

// read answers a charge that takes nothing. The inner Counter is asked, since other
// processes may have spent, and what is leased here and not spent is taken off.
//
// If a settlement was under way meanwhile, the answer may be from before it or from after
// it, so read asks again. A read keeps no settlement waiting, except after some tries:
// then none can begin before the answer.
func (l *Counter) read(ctx context.Context, c *store.Charge, set *payers) error {
	ctx, cancel := l.within(ctx)
	defer cancel()
	set.lock()
	set.prepare(c)
	settle := set.hasReturns(c) || wantsLast(c)
	set.unlock()
	if settle {
		if err := l.flush(ctx, set.order[:set.n]); err != nil {
			return err
		}
	}
	for try := 0; ; try++ {
		if done, err := l.readOnce(ctx, c, set, try); done || err != nil {
			return err
		}
	}
}

// readOnce asks the inner Counter. It reports false if the answer does not count.
func (l *Counter) readOnce(ctx context.Context, c *store.Charge, set *payers, try int) (done bool, err error) {
	accounts := slices.Clone(set.order[:set.n])
	wait := l.awaitSettlements
	if try >= maxReads {
		wait = l.acquireAll
	}
	if err := wait(ctx, accounts); err != nil {
		return false, err
	}
	if try >= maxReads {
		defer l.releaseAll(accounts)
	}
	if set.lock(); try < maxWaits && l.renew(c, set) {
		return false, nil
	}
	set.start(c, l.clock.read(c.At).bucket, false)
	set.unlock()
	err = l.ask(ctx, c, set)
	defer set.unlock()
	if err == nil && try < maxWaits && set.moved() {
		return false, nil
	}
	l.learn(c, set, err)
	return true, err
}

// maxReads bounds how often a read is repeated before it keeps settlements waiting.
const maxReads = 4

// flush charges what was spent and is not yet charged, and gives back what is only to be
// given back.
func (l *Counter) flush(ctx context.Context, accounts []*account) error {
	for _, a := range accounts {
		if err := l.acquire(ctx, a); err != nil {
			return err
		}
		err := l.settle(ctx, a, payNone)
		l.release(a)
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitSettlements waits for the settlements of accounts that are under way.
func (l *Counter) awaitSettlements(ctx context.Context, accounts []*account) error {
	for _, a := range accounts {
		a.mu.Lock()
		wait := a.settling
		a.mu.Unlock()
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return notTaken(ctx.Err())
		}
	}
	return nil
}

// wantsLast reports whether a caller asks when units were last taken. Then what was spent
// has to be charged first.
func wantsLast(c *store.Charge) bool {
	return slices.ContainsFunc(c.Parts, func(p store.Part) bool { return p.Last != nil })
}
