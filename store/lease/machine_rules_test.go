package lease_test

import "errors"

var errDisabled = errors.New("the rules do not allow this step")

// next returns the machine after a step. If the rules do not allow the step, the error is
// errDisabled.
func (r *rules) next(m machine, s step) (machine, error) {
	switch s.action {
	case changesPlan:
		if int(m.plan)+1 >= len(r.limits) {
			return m, errDisabled
		}
		m.plan++
		return m, nil
	case endsWindow:
		m.window++
		m.used, m.spent, m.lost, m.extra, m.most = 0, 0, 0, 0, 0
		return m, nil
	case extends:
		m.most = max(m.most, r.greatest(m))
		m.extra = s.n + m.used - r.limits[m.processes[s.process].plan]
		m.most = max(m.most, r.greatest(m))
		return m, nil
	}
	p := &m.processes[s.process]
	if !r.move(&m, p, s) {
		return m, errDisabled
	}
	if p.out == 0 {
		p.paid = 0
		if p.kept == 0 {
			p.window = m.window
		}
	}
	return m, nil
}

// move makes the step of one process. It reports whether the rules allow the step.
func (r *rules) move(m *machine, p *process, s step) bool {
	switch s.action {
	case asks, givesBack:
		return r.begin(m, p, s)
	case applies, answers, losesTrack, fails:
		return p.call.kind != idle && r.proceed(m, p, s)
	case doubts:
		return beginDoubt(p)
	case appliesLate:
		return r.decideLate(m, p)
	case asksAgain, asksInVain:
		return p.doubt.kind != idle && !p.cut && r.question(p, s.action == asksAgain)
	case spends:
		return r.spend(m, p, s.n)
	case refunds:
		return refundUnits(m, p, s.n)
	case expires:
		return expireUnits(p, s.n)
	case crashes:
		r.crash(m, p)
		return true
	case hears:
		return r.hear(m, p)
	case disconnects, connects:
		change := p.cut != (s.action == disconnects)
		p.cut = s.action == disconnects
		return change
	}
	return false
}

// begin sends a call. Units that are given back cannot be spent from then on.
func (r *rules) begin(m *machine, p *process, s step) bool {
	if p.call.kind != idle || s.n <= 0 {
		return false
	}
	if s.action == givesBack {
		if s.n > p.kept+p.out {
			return false
		}
		live := max(0, s.n-p.kept)
		p.call = call{returning, false, s.n, live, p.window, p.plan}
		if p.kept -= s.n - live; r.flaw != spendsReturned {
			p.out -= live
		}
		return true
	}
	p.call = call{leasing, false, s.n, 0, m.window, p.plan}
	if r.flaw == spendsBeforeStore {
		p.gain(p.call)
	}
	return true
}

// proceed takes a call that is under way one step on.
func (r *rules) proceed(m *machine, p *process, s step) bool {
	c := p.call
	switch s.action {
	case applies:
		if c.applied || p.cut {
			return false
		}
		if p.call.applied = r.decide(m, c); !p.call.applied {
			p.call = call{} // refused
		}
	case answers:
		if !c.applied || p.cut {
			return false
		}
		if p.call = (call{}); c.kind == leasing && r.flaw != spendsBeforeStore {
			p.gain(c)
		}
	case losesTrack:
		p.call = call{}
		r.lose(m, p, c)
	case fails:
		if c.applied {
			return false
		}
		if p.call = (call{}); c.kind == returning && r.flaw != forgetsFailed {
			p.restore(c)
		}
	}
	return true
}

// decide makes the store's decision about a call. It reports whether the call was
// applied. A call for a window that has ended has no effect on the present window.
func (r *rules) decide(m *machine, c call) bool {
	present := c.window == m.window
	switch {
	case c.kind == returning && (present || r.flaw == returnsToNext):
		m.used -= c.n
	case c.kind == leasing && present:
		if m.used+c.n > r.limit(*m, c.plan) {
			return false
		}
		m.used += c.n
	}
	return true
}

// enter begins a window. A process holds units of one window: those of an earlier one
// die.
func (p *process) enter(window int16) {
	if p.window != window {
		p.out, p.kept, p.window = 0, 0, window
	}
}

// gain adds the units of a lease.
func (p *process) gain(c call) {
	if c.window < p.window {
		return
	}
	p.enter(c.window)
	if c.plan == p.plan {
		p.out, p.paid = p.out+c.n, c.plan
	} else {
		p.kept += c.n // the plan has changed meanwhile
	}
}

// restore takes back the units of a give-back that certainly failed. Those that could be
// spent before can be spent again, unless the plan has changed meanwhile.
func (p *process) restore(c call) {
	switch {
	case c.window != p.window:
		return
	case c.plan != p.plan:
		c.live = 0
	case c.live > 0:
		p.paid = c.plan
	}
	p.out, p.kept = p.out+c.live, p.kept+c.n-c.live
}

// lose drops the units of a call whose outcome is unknown. They count as used: if the
// store counts them, nobody will ever spend them.
func (r *rules) lose(m *machine, p *process, c call) {
	switch {
	case r.flaw == returnsTwice && c.kind == returning:
		if c.window == p.window {
			p.kept += c.n
		}
		return
	case r.flaw == retriesUnknown && c.kind == returning, r.flaw == spendsUnknown && c.kind == leasing:
		p.gain(c)
		return
	}
	m.lost += c.counted(m.window)
}

// beginDoubt keeps a settlement of unknown outcome, to ask later. There is one at a time.
func beginDoubt(p *process) bool {
	if p.call.kind == idle || p.doubt.kind != idle {
		return false
	}
	p.doubt, p.call = p.call, call{}
	return true
}

// decideLate makes the store's decision about a settlement that the process no longer
// waits for.
func (r *rules) decideLate(m *machine, p *process) bool {
	if p.late.kind != idle {
		r.decide(m, p.late)
		p.late = call{}
		return true
	}
	if p.doubt.kind == idle || p.doubt.applied || p.shut {
		return false
	}
	p.doubt.applied = r.decide(m, p.doubt)
	p.shut = !p.doubt.applied // refused
	return true
}

// question has the store say whether it decided a settlement. If it did not, it will not
// do so any more.
func (r *rules) question(p *process, heard bool) bool {
	c, shut := p.doubt, p.shut
	if p.shut = !c.applied; !heard {
		return p.shut != shut
	}
	p.doubt, p.shut = call{}, false
	switch happened := c.applied || shut && r.flaw == believesQuestion; {
	case r.flaw == doubtsForever && c.kind == returning, !happened && c.kind == returning:
		p.restore(c)
	case happened && c.kind == leasing:
		p.gain(c)
	}
	if r.flaw == happensLate && !c.applied {
		p.late = c
	}
	return true
}

// spend admits units that the process holds for the present window.
func (r *rules) spend(m *machine, p *process, n int16) bool {
	if n <= 0 || n > p.out || p.window != m.window && r.flaw != outlivesWindow {
		return false
	}
	p.out -= n
	m.spent += n
	return true
}

// refundUnits gives admitted units back to the process that hears of the refund. It can
// spend them again.
func refundUnits(m *machine, p *process, n int16) bool {
	if n <= 0 || n > m.spent {
		return false
	}
	p.enter(m.window)
	m.spent -= n
	p.out, p.paid = p.out+n, p.plan
	return true
}

// expireUnits ends the lease of units: they will be given back.
func expireUnits(p *process, n int16) bool {
	if n <= 0 || n > p.out {
		return false
	}
	p.out, p.kept = p.out-n, p.kept+n
	return true
}

// crash forgets everything that the process holds. If the store yet applies the call that
// is under way, that is another order of the steps: apply, then crash.
func (r *rules) crash(m *machine, p *process) {
	if p.window == m.window {
		m.lost += p.out + p.kept
	}
	m.lost += p.call.counted(m.window) + p.doubt.counted(m.window)
	before := *p
	*p = process{window: m.window, plan: m.plan, cut: p.cut}
	if r.flaw == survivesCrash && before.window == m.window {
		p.out, p.paid = before.out, m.plan
	}
}

// hear brings a process to the present plan. What it holds was paid under other figures.
func (r *rules) hear(m *machine, p *process) bool {
	if p.plan == m.plan {
		return false
	}
	p.plan = m.plan
	if r.flaw != outlivesPlan {
		p.kept, p.out = p.kept+p.out, 0
	}
	return true
}
