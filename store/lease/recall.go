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
	first := set.forces(c) || set.unsure(c) || set.hasReturns(c)
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
		if again := !set.couldHelp(c) && set.again < maxWaits; decided || again {
			set.again++
			set.unlock()
			return decided, nil
		}
	}
	set.note()
	for _, a := range set.order[:set.n] {
		a.moving = true
	}
	set.sent = nil
	set.settleAllOf(c, t)
	set.unlock()

	err = set.send(ctx, l.inner, c)
	set.lock()
	set.restore(c.OK, err)
	l.learn(c, set, err)
	set.unlock()
	return true, err
}

// settleAllOf has c give back what is leased of its meters and charge what was spent of
// them. The locks are held.
func (s *payers) settleAllOf(c *store.Charge, t instant) {
	for p := range c.Parts {
		a, part := s.of[p], &c.Parts[p]
		if a == nil || a.gone {
			continue
		}
		a.drain()
		for i, n := range part.N {
			m := a.meter(&part.Meters[i], i)
			if m == nil || m.avail == 0 || m.returning || !m.helps(&part.Meters[i], n, t) {
				continue
			}
			s.rows = append(s.rows, row{meter: m, n: m.avail})
			s.copyOf(c).Parts[p].N[i] = less(n, m.returnable(t.bucket))
			m.avail = 0
		}
	}
}

// unsure reports whether units are leased of a meter of c, and it is not known where the
// meter stands. The locks are held.
func (s *payers) unsure(c *store.Charge) bool {
	return s.any(c, func(m *meter, _ *store.Part, _ int, _ int64) bool { return !m.known && m.avail > 0 })
}

// less returns n-m, within the bounds of any count.
func less(n, m int64) int64 { return min(max(n, -store.MaxUnits), 2*store.MaxUnits) - m }
