package lease

import (
	"context"

	"github.com/ration-go/ration/store"
)

// spend decides a Spend: here if the units are here, and otherwise by the inner Counter.
func (l *Counter) spend(ctx context.Context, c *store.Charge) (here bool, err error) {
	t := l.clock.read(c.At)
	var set payers
	l.find(c, &set, t.own)
	defer l.leaveCold(c, &set)
	l.warm(c, &set)
	if set.none() {
		ctx, cancel := l.within(ctx)
		defer cancel()
		err := l.ask(ctx, c, &set)
		l.learn(c, &set, err)
		set.unlock()
		return false, err
	}
	if !takes(c) {
		return false, l.read(ctx, c, &set)
	}
	return l.spendHot(ctx, c, &set, t)
}

// spendHot decides a Spend of which at least one subject is hot. Once c has waited, it
// was not decided here.
func (l *Counter) spendHot(ctx context.Context, c *store.Charge, set *payers, t instant) (here bool, err error) {
	bounded := false
	defer set.letGo()
	for try := 0; ; try++ {
		l.warm(c, set)
		if set.lock(); try < maxWaits && l.renew(c, set) {
			continue
		}
		if try < patience && set.pooled(c) { // it was opened while c waited for the lock
			set.unlock()
			if l.takePooled(ctx, c) {
				return !bounded, nil
			}
			continue
		}
		if set.decide(c, t) {
			l.follow(c, set)
			set.unlock()
			return !bounded, nil
		}
		if !bounded { // c was not decided here at once, so it may wait
			bounded = true
			var cancel context.CancelFunc
			ctx, cancel = l.within(ctx)
			defer cancel()
		}
		if try >= patience {
			set.holdBack()
		}
		wait := l.awaited(c, set, try, t)
		if wait == nil {
			settle := l.beginCall(set, c, t)
			set.unlock()
			if done, err := l.exact(ctx, c, set, settle); done {
				return false, err
			}
		} else {
			set.unlock()
			select {
			case <-wait:
			case <-ctx.Done():
				return false, notTaken(ctx.Err())
			}
		}
		t = l.clock.read(c.At)
	}
}

// pooled reports whether the pool of c's only subject has what c takes. The lock is held.
func (s *payers) pooled(c *store.Charge) bool {
	if len(c.Parts) != 1 || s.of[0] == nil {
		return false
	}
	p := s.of[0].pool.Load()
	if p == nil {
		return false
	}
	n := p.units(&c.Parts[0])
	return n > 0 && n <= p.left.Load()
}

// takes reports whether c changes anything.
func takes(c *store.Charge) bool {
	for i := range c.Parts {
		for _, n := range c.Parts[i].N {
			if n != 0 {
				return true
			}
		}
	}
	return false
}

// awaited returns the end of a settlement that c waits for, or nil. A settlement may
// bring the units that c needs. awaited begins one that would. The locks are held.
//
// A charge of hot subjects waits until no settlement is under way, so that its answer is
// from before the next one or from after it. A charge that also names a cold subject does
// so only if the inner Counter is near. It has to ask in any case, and must not become
// slower by another subject's lease.
func (l *Counter) awaited(c *store.Charge, set *payers, try int, t instant) (end chan struct{}) {
	set.waits = try < maxTries
	for _, a := range set.order[:set.n] {
		set.waits = set.waits && (set.n == len(c.Parts) || a.roundTrip <= l.cfg.Block.Microseconds()/2)
	}
	set.waits = set.waits || try < maxTries && set.mustWait(c, t)
	for _, a := range set.order[:set.n] {
		a.active = true
		if a.settling != nil && !a.gone && set.waits {
			return a.settling
		}
	}
	now := l.clock.now()
	if try < 2 && set.hasReturns(c) && now >= set.pause() {
		for _, a := range set.order[:set.n] {
			if a.settling == nil {
				l.begin(a)
				end = a.settling
			}
		}
		return end
	}
	if try > 1 || len(c.Parts) != set.n {
		return nil
	}
	for p := range c.Parts {
		if a := set.of[p]; !l.wouldCover(a, &c.Parts[p], now) {
			return nil
		}
	}
	for p := range c.Parts {
		if a := set.of[p]; !a.covers(&c.Parts[p]) {
			a.dry = true
			l.begin(a)
			end = a.settling
		}
	}
	return end
}

// mustWait reports whether c has to wait for settlements in any case: the next one finds
// out where a meter stands, or c settles something itself. The locks are held.
func (s *payers) mustWait(c *store.Charge, t instant) bool {
	for _, a := range s.order[:s.n] {
		if hasUnread(a.meters) {
			return true
		}
	}
	return s.any(c, func(m *meter, p, i int) bool { return m.settlesWith(c.Parts[p].N[i], t.bucket) })
}

// covers reports whether an account has what a part takes.
func (a *account) covers(part *store.Part) bool {
	for i := range part.Meters {
		if m := a.meter(&part.Meters[i], i); m == nil || m.returning || m.ahead() && part.N[i] > m.avail {
			return false
		}
	}
	return true
}

// wouldCover reports whether an account would have what a part takes after a settlement.
func (l *Counter) wouldCover(a *account, part *store.Part, now int64) bool {
	for i := range part.Meters {
		m := a.meter(&part.Meters[i], i)
		if m == nil || m.returning || !m.sameFigures(&part.Meters[i]) {
			return false
		}
		if n := part.N[i]; m.ahead() && n > m.avail && (now < a.pause || l.block(a, m, now)/fewCharges < n) {
			return false
		}
	}
	return true
}
