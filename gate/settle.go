package gate

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Refund gives back what an admitted request was charged, for example after a handler
// failed: the request itself and its Costs. It gives back to the key and to every group
// that was charged, in the windows that were charged, even if they have ended since. A
// token that a throttle took for the request itself stays spent, since the work was done.
// Of a Decision about further costs, Refund gives these back, and no request: see
// Request.More.
//
// Refund also releases the request's ID, so that a retry is charged again. A retry that
// was admitted in between, as Repeated, has paid nothing.
//
// Everything else is as for Settle.
func (g *Gate) Refund(ctx context.Context, d *Decision) error {
	return g.settle(ctx, d, usageplan.Costs{}, -1)
}

// Settle corrects the Costs of an admitted request to actual. It is for costs that are
// known only afterwards, such as the tokens of a language model or bytes. Admit charges
// an estimate, the Costs of the Request. Settle gives back what was too much, or charges
// what was too little, to the key and to every group that was charged. A request that is
// never settled stays charged as estimated.
//
// Settle corrects quotas and usage records in the windows that were charged, even if they
// have ended since. An additional charge goes even above the limits, so that the count is
// what was used. Further requests are then refused until the window ends. Throttles of a
// declared unit are corrected, too, but a bucket that has too few tokens for an
// additional charge keeps them. A soft throttle that had too few tokens took none, and
// gives none back. A throttle whose rate or burst has changed since is not corrected. An
// allowed Decision of Peek was charged nothing, and can be settled, too.
//
// Settle leaves a Decision alone that was refused, that was repeated, or that a failure
// policy made. Only the first successful call of Settle or Refund has an effect on a
// Decision. Settle is safe for concurrent use.
//
// Caution: a copy of a Decision could be settled once more. The go vet command reports
// copies.
//
// Settle goes on when ctx is cancelled, since the request may be over by then. It is
// bounded by Config.Timeout instead.
//
// The error wraps ErrInvalid if actual is negative, is not 0 of a unit that is not
// declared, or is more than can be counted (store.MaxUnits) together with everything else
// in the window. After that error, and after an error that wraps store.ErrNotTaken,
// nothing has changed, and Settle may be called again. After any other error the charge
// may have been corrected, and another call has no effect. If the key has left its family
// and a Counter keeps the families apart, some of the payers may have been corrected.
func (g *Gate) Settle(ctx context.Context, d *Decision, actual usageplan.Costs) error {
	if err := g.cfg.Units.ValidateCosts(&actual, false); err != nil {
		return fault.Report(ErrInvalid, "settle", fault.In("", err))
	}
	return g.settle(ctx, d, actual, 0)
}

// settle corrects what was charged to actual, and the number of requests by requests.
func (g *Gate) settle(ctx context.Context, d *Decision, actual usageplan.Costs, requests int64) error {
	if !d.Allowed || d.Repeated || d.meters == nil || !atomic.CompareAndSwapUint32(&d.settled, 0, 1) {
		return nil
	}
	refund := requests < 0
	if !d.Charged || d.More {
		requests = 0
	}
	within, cancel := g.within(context.WithoutCancel(ctx))
	defer cancel()
	check := g.bucketCheck(within, d)
	if g.cfg.Observer != nil {
		return g.settleObserved(ctx, within, d, actual, requests, refund, check)
	}
	c := d.correction(actual, requests, check)
	if len(c.Parts) == 0 {
		return nil
	}
	return g.applyCorrection(within, d, c, actual)
}

// settleObserved makes the correction, and tells the Observer of the levels after it. A
// refund may give back costs alone, and no request.
func (g *Gate) settleObserved(ctx, within context.Context, d *Decision, actual usageplan.Costs, requests int64, refund bool, check bucketCheck) error {
	o := d.unshared()
	c := o.correction(actual, requests, check)
	if len(c.Parts) == 0 {
		return nil
	}
	payers := o.wantLevels(c)
	err := g.applyCorrection(within, d, c, actual)
	if err == nil {
		for i := range payers {
			payers[i].showLevels(&c.Parts[i])
		}
	}
	g.cfg.Observer.Corrected(ctx, Corrected{*o, refund, actual, err, time.Since(c.At)})
	return err
}

// applyCorrection makes the charge c, which corrects d. If nothing has changed, d can be
// settled again.
func (g *Gate) applyCorrection(ctx context.Context, d *Decision, c *store.Charge, actual usageplan.Costs) error {
	ok, err := g.correct(ctx, c)
	switch {
	case err != nil:
		if !errors.Is(err, store.ErrInvalid) {
			g.outage.Fail(ctx, err)
		}
		if errors.Is(err, store.ErrNotTaken) {
			atomic.StoreUint32(&d.settled, 0)
		}
		return fmt.Errorf("gate: settle: %w", err)
	case !ok:
		atomic.StoreUint32(&d.settled, 0)
		return fault.Report(ErrInvalid, "settle", fmt.Errorf("actual: %v: more than can be counted beside the rest", actual))
	}
	return nil
}

// correction returns the charge that corrects what the key and every group were charged.
func (o *Outcome) correction(actual usageplan.Costs, requests int64, check bucketCheck) *store.Charge {
	change := actual
	for i := range change {
		change[i] -= o.Costs[i]
	}
	c := &store.Charge{At: time.Now()}
	add := func(p store.Part) {
		if len(p.Meters) > 0 {
			c.Parts = append(c.Parts, p)
		}
	}
	add(o.meters.correctionPart(o.binding.subject, o.keyLevels(), check, &change, &actual, requests))
	for l := o.groups; l != nil; l = l.above {
		add(l.meters.correctionPart(l.node.subject, l.levels(), check, &change, &actual, requests))
	}
	return c
}

// correctionPart returns the part of a correction for one payer. It may have no meters.
// An additional charge goes above the limits: no window has a limit there, and every
// bucket is soft. A bucket that does not pass the check stays as it is.
func (m *meters) correctionPart(subject string, levels []store.Level, check bucketCheck, change, actual *usageplan.Costs, requests int64) store.Part {
	p := store.Part{Subject: subject}
	for i, meter := range m.list {
		n := requests
		switch unit := m.units[i]; {
		case i < m.throttles && (unit == 0 || check != nil && !check(subject, &meter)):
			n = 0 // the tokens stay spent
		case unit > 0 && i < m.throttles && levels[i].Wait > 0:
			n = actual[unit-1] // a soft bucket without enough tokens took none
		case unit > 0:
			n = change[unit-1]
		}
		if n == 0 {
			continue
		}
		if n > 0 && meter.IsWindow() {
			meter.Max = store.Unlimited
		} else if n > 0 {
			meter.Soft = true
		}
		p.Meters, p.N = append(p.Meters, meter), append(p.N, n)
	}
	return p
}

// correct makes the charge c.
//
// A key that has left its family is apart from the groups that it was charged with, and a
// Counter may keep them in different places. Then correct makes one charge for each part.
// No limit depends on these being one step.
func (g *Gate) correct(ctx context.Context, c *store.Charge) (ok bool, err error) {
	if err = g.takeMoved(ctx, c); !errors.Is(err, store.ErrApart) {
		return c.OK, err
	}
	return g.correctParts(ctx, c)
}

// correctParts makes a charge for each part of c. Unless the first one changed nothing,
// correctParts makes all of them, and reports the parts that fail.
func (g *Gate) correctParts(ctx context.Context, c *store.Charge) (ok bool, err error) {
	var errs []error
	for i := range c.Parts {
		part := &store.Charge{At: c.At, Parts: c.Parts[i : i+1]}
		err := g.takeMoved(ctx, part)
		if i == 0 && (err == nil && !part.OK || errors.Is(err, store.ErrNotTaken)) {
			return false, err
		}
		if err == nil && !part.OK {
			err = errors.New("more than can be counted beside the rest")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("subject %q: %w", c.Parts[i].Subject, err))
		}
	}
	if len(errs) == 0 {
		return true, nil
	}
	// With %v, because ErrNotTaken would say that nothing has changed.
	return true, fmt.Errorf("%d of %d payers were corrected: %v", len(c.Parts)-len(errs), len(c.Parts), errors.Join(errs...))
}

// takeMoved makes the charge c. If a subject has moved since it was charged, its state
// has moved too, so takeMoved charges the new subject.
func (g *Gate) takeMoved(ctx context.Context, c *store.Charge) error {
	for moves := 0; ; moves++ {
		err := g.counter.Take(ctx, c)
		moved, ok := errors.AsType[*store.MovedError](err)
		if !ok || moves == maxMoves {
			return err
		}
		for i := range c.Parts {
			if p := &c.Parts[i]; p.Subject == moved.Subject {
				p.Subject, p.Place = moved.To, 0
			}
		}
	}
}

// maxMoves bounds how many moves of one subject a correction follows.
const maxMoves = 4
