package lease

import (
	"context"

	"github.com/ration-go/ration/store"
)

// recall gives back what is leased of the meters of c, charges what was spent of them,
// and decides c, in one charge.
//
// asked says that the inner Counter has refused c before. While c waited for its turn,
// another charge may have got what was leased. Then recall reports false, and c is tried
// again: many of them at a time, and not one after the other.
func (l *Counter) recall(ctx context.Context, c *store.Charge, set *payers, asked bool) (done bool, err error) {
	if err := l.seizeSet(ctx, set); err != nil {
		return true, err
	}
	defer l.releaseSet(set)
	for _, a := range set.order[:set.n] {
		l.awaitCalls(ctx, a)
	}
	set.lock()
	first := set.forces(c) || set.hasReturns(c)
	set.unlock()
	if first {
		if err := l.settleAll(ctx, set, giveBack); err != nil {
			return true, notTaken(err)
		}
		asked = false // what came back may be enough
	}

	t := l.clock.read(c.At)
	set.lock()
	if asked {
		decided := set.decide(c, t)
		again := !set.couldHelp(c) && set.again < maxWaits
		if decided || again {
			set.again++
			set.unlock()
			return decided, nil
		}
	}
	set.sent = nil
	set.settleAllOf(c, t)
	set.start(c, t.bucket, true)
	set.unlock()

	err = l.ask(ctx, c, set)
	defer set.unlock()
	if err == nil && !c.OK && set.couldHelp(c) && set.again < maxWaits { // units were given back here meanwhile
		set.again++
		return false, nil
	}
	l.learn(c, set, err)
	return true, err
}

// settleAllOf has c give back what is leased of its meters and charge what was spent of
// them. The locks are held.
func (s *payers) settleAllOf(c *store.Charge, t instant) {
	s.settleWhere(c, t, func(m *meter, x *store.Meter, n int64) bool { return !m.returning && m.helps(x, n, t) })
}

// less returns n-m, within the bounds of any count.
func less(n, m int64) int64 { return min(max(n, -store.MaxUnits), 2*store.MaxUnits) - m }
