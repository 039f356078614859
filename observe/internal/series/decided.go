package series

import (
	"context"

	"github.com/ration-go/ration/gate"
)

// Decided implements gate.Observer.
func (r *Recorder) Decided(_ context.Context, d gate.Decided) { r.Decide(&d) }

// Decide counts a decision or a Peek.
func (r *Recorder) Decide(d *gate.Decided) {
	o := &d.Outcome
	p := r.plan(o.Plan)
	if !d.Cached {
		r.keyReads.Add(1)
	}
	if d.KeyAge > 0 {
		r.staleKeys.Add(1)
	}
	if o.Peeked {
		p.peeks[index(o.Reason)].Add(1)
		return
	}

	if o.More && o.Allowed {
		p.further.Add(1)
	} else {
		p.decisions[index(o.Reason)][bit(o.Allowed)][bit(o.Degraded)].Add(1)
	}
	if o.Charged {
		p.charge(o)
	}
	if o.Repeated {
		p.repeated.Add(1)
	}
	r.countLimits(o)
}

// charge counts what was charged: one request, unless it was counted before, and costs.
func (p *plan) charge(o *gate.Outcome) {
	if !o.More {
		p.charged[0].Add(1)
	}
	for i, n := range o.Costs {
		if n != 0 {
			p.charged[i+1].Add(n)
		}
	}
}

// countLimits counts the limits that refused a request, or would have, each by the plan
// that has it.
func (r *Recorder) countLimits(o *gate.Outcome) {
	if o.Allowed {
		for l := range o.WouldRefuse() {
			r.limit(r.plan(l.Plan), limitKey{l.Name, l.Unit, l.Payer.Kind, 0}).Add(1)
		}
		return
	}
	for l := range o.Refusals() {
		r.limit(r.plan(l.Plan), limitKey{l.Name, l.Unit, l.Payer.Kind, o.Reason}).Add(1)
	}
}

// Corrected implements gate.Observer.
func (r *Recorder) Corrected(_ context.Context, c gate.Corrected) {
	p := r.plan(c.Outcome.Plan)
	p.corrections[bit(c.Refund)][bit(c.Err != nil)].Add(1)
	if c.Err != nil {
		return
	}
	if c.Refund && c.Outcome.Charged && !c.Outcome.More {
		p.returned[0].Add(1)
	}
	for i := range c.Actual {
		switch more := c.Actual[i] - c.Outcome.Costs[i]; {
		case more > 0:
			p.charged[i+1].Add(more)
		case more < 0:
			p.returned[i+1].Add(-more)
		}
	}
}
