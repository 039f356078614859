package lease

import (
	"time"

	"github.com/ration-go/ration/store"
)

// warmAndLearn takes over the answer to a charge of which a subject was cold.
func (l *Counter) warmAndLearn(c *store.Charge, set *payers, err error) {
	l.warm(c, set)
	set.lock()
	defer set.unlock()
	l.learn(c, set, err)
}

// learn takes over what the inner Counter said, and makes the levels of c those of this
// process. The locks are held.
func (l *Counter) learn(c *store.Charge, set *payers, err error) {
	t := l.clock.read(c.At)
	trusts := l.trusts(c, set)
	for p := range c.Parts {
		a := set.of[p]
		if a == nil || a.gone {
			continue
		}
		a.active = true
		if err == nil {
			a.heard(t.own)
			if c.OK && takes(c) {
				a.keepTime(c.At, t)
			}
			a.learn(c, p, set.levels(c, p), trusts[p], t, l.cfg.Block.Microseconds())
			a.shapeOf(c)
		}
	}
	l.beginDue(c, set, err, t.own)
}

// trust says what an answer of the inner Counter tells about an account.
type trust int

const (
	// early: there may be charges under way that began when the subject was cold. Their
	// answers come in any order, and nothing is leased yet.
	early trust = iota

	// mixed: there was a settlement meanwhile. The answer may be from before it or after it.
	mixed

	// jumbled: there was none, and units were given back meanwhile. Answers come in any
	// order, so it is not known which one is the last.
	jumbled

	// ordered: there was none, and units were only taken. The answer that shows the most use
	// is the last.
	ordered

	// last: there was no other charge but those that are decided here.
	last
)

// trusts returns the trust for each part of c. If the answer is mixed for one account, it
// is for all: what they know is of one instant, and the answer may be of another.
func (l *Counter) trusts(c *store.Charge, set *payers) (trusts [store.MaxParts]trust) {
	anyMixed := false
	for p := range c.Parts {
		if a := set.of[p]; a != nil && !a.gone {
			trusts[p] = l.trustIn(set, p)
			anyMixed = anyMixed || trusts[p] == mixed
		}
	}
	for p := range trusts {
		if anyMixed && trusts[p] != early {
			trusts[p] = mixed
		}
	}
	return trusts
}

func (l *Counter) trustIn(set *payers, p int) trust {
	a := set.of[p]
	switch {
	case set.cold[p] || l.isEarly(a):
		return early
	case set.held:
		return last
	case a.epoch != set.epochs[p] || a.onItsWay():
		return mixed
	case set.alone[p] && a.begun == set.begun[p]:
		return last
	case set.refunds || a.refunds > 0 || a.refunded != set.refunded[p]:
		return jumbled
	}
	return ordered
}

// isEarly reports whether charges may be under way that began before an account was
// there. The lock is held.
func (l *Counter) isEarly(a *account) bool {
	a.early = a.early && l.heat.under(a.hash)
	return a.early
}

// learn takes over the answer of the inner Counter for a part of c, and makes its levels
// those of this process. After a mixed answer, what the account knew and the charge
// itself make up the levels, so that all of them are of one instant.
func (a *account) learn(c *store.Charge, p int, levels []store.Level, how trust, t instant, block int64) {
	part := &c.Parts[p]
	a.drain()
	for i := range part.Meters {
		x, n := &part.Meters[i], part.N[i]
		m := a.ensure(x, i)
		if m == nil {
			continue
		}
		switch {
		case c.OK && (n < 0 || c.Op == store.SetRemaining):
			m.forget()
		case c.OK:
			m.taken += n
		}
		if levels == nil || how == early {
			continue
		}
		level := &levels[i]
		if level.Max-level.Used >= m.refused {
			m.forget()
		}
		if level.Wait > 0 {
			// The inner Counter may have been asked for more or fewer units than n.
			level.Wait = waitOf(x, n, level)
		}
		if !c.OK && n > 0 && level.Wait > 0 && !x.Soft && how != mixed {
			m.refuse(n, level.Wait, t.own, block)
		}
		m.answer(x, level, n, c.OK, how, t)
	}
}

// answer makes the level of a charge of n units that of this process.
func (m *meter) answer(x *store.Meter, l *store.Level, n int64, applied bool, how trust, t instant) {
	wait := l.Wait
	if x.Soft && m.IsWindow() && m.avail != 0 && how != mixed {
		wait = softWait(x, l, n, -m.avail, applied, t)
	}
	asked := n
	if !applied {
		n = 0
	}
	switch {
	case how == mixed && m.known:
		m.state, *l, _ = m.state.Take(x, t.wall, t.bucket, n)
	case how == jumbled:
		m.known = false
		if m.avail != 0 {
			_, *l, _ = m.seen(x, l, t.bucket).Take(x, t.wall, t.bucket, 0)
		}
	default:
		if s := m.learn(x, l, t.bucket, how == last); m.avail != 0 {
			_, *l, _ = s.Take(x, t.wall, t.bucket, 0)
		}
	}
	if asked > 0 && wait > 0 && m.avail > 0 && !m.IsWindow() {
		// The inner Counter does not know of what is leased.
		if _, here, fits := bucketOf(x, l, t.bucket).Take(x, t.bucket, asked); !fits {
			wait = here.Wait
		}
	}
	l.Wait = wait
}

// softWait returns the Wait of a soft window of which pending units are spent and not yet
// charged. The inner Counter does not know of them. l is its level after the charge.
func softWait(x *store.Meter, l *store.Level, n, pending int64, applied bool, t instant) time.Duration {
	before := store.Window{Used: l.Used + pending, Extra: l.Max - x.Max}
	if applied {
		before.Used -= n
	}
	_, after, _ := before.Take(x, t.wall, n)
	return after.Wait
}
