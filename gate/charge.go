package gate

import (
	"context"
	"sync"

	"github.com/ration-go/ration/store"
)

var charges = sync.Pool{New: func() any { return new(store.Charge) }}

// charge asks the Counter: to take, or only to read.
func (g *Gate) charge(ctx context.Context, req *Request, b *binding, d *Decision, take bool) error {
	within := ctx
	if !g.local {
		var cancel context.CancelFunc
		within, cancel = g.within(ctx)
		defer cancel()
	}
	cost := max(req.Cost, 1)
	throttle := int64(1)
	if b.allowance.plan.ThrottleByCost {
		throttle = cost
	}
	c := charges.Get().(*store.Charge)
	c.Subject, c.At, c.Meters, c.SetRemaining = b.subject, req.At, d.meters.list, false
	if take {
		d.meters.each(&c.N, throttle, cost)
	} else {
		c.N = store.Each(0)
	}
	err := g.take(within, b, c)
	d.Allowed = c.OK
	for i := range d.meters.limits {
		d.levels[i] = c.Levels[i]
	}
	switch {
	case err != nil:
		d.Allowed = false
		err = g.decideByPolicy(ctx, req, d, throttle, take, err)
	case d.meters.repeated(c):
		d.admitRepeated()
	case take && !d.Allowed:
		d.explainRefusal()
	default:
		if take {
			d.Reason, d.Cost = Admitted, cost
		} else {
			d.peek(throttle, cost, c.Levels[len(d.meters.limits)].Remaining())
		}
		if d.Allowed && g.shared != nil {
			err = g.share(ctx, within, req, d, c, take)
		}
	}
	charges.Put(c)
	return err
}

// take has the Counter take c, and remembers where it found the subject.
func (g *Gate) take(ctx context.Context, b *binding, c *store.Charge) error {
	before := b.place.Load()
	c.Place = before
	err := g.counter.Take(ctx, c)
	if c.Place != before {
		b.place.Store(c.Place)
	}
	return err
}

// each fills in what the meters are charged: throttles one figure, quotas and the usage
// record another, an ID one.
func (m *meters) each(n *[store.MaxMeters]int64, throttle, cost int64) {
	for i := range m.list {
		n[i] = cost
	}
	for i := range m.throttles {
		n[i] = throttle
	}
	if m.ids > 0 {
		n[len(m.list)-1] = 1
	}
}

// within is ctx with the Gate's deadline, where the Counter may wait.
func (g *Gate) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.local {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, g.cfg.Timeout)
}
