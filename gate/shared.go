package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// shared is a throttle of a subject of its own, which all keys take from. Its bucket has
// a name that no plan gives one.
type shared struct {
	subject string
	meter   store.Meter
}

// sharing is the shared throttles of a Gate that has any.
type sharing struct {
	counter store.OneTaker
	account *shared
	stages  map[usageplan.Stage]*shared
}

func newSharing(counter store.Counter, cfg Config) (_ *sharing, errs []error) {
	s := &sharing{counter: store.One(counter), stages: map[usageplan.Stage]*shared{}}
	add := func(what, subject, name string, l limiter.Limit) *shared {
		if l.Unlimited() {
			return nil
		}
		m, err := l.Meter(name)
		if err == nil && len(subject) > store.MaxSubject {
			err = fmt.Errorf("%d bytes: want at most %d", len(subject), store.MaxSubject)
		}
		if err != nil {
			errs = append(errs, fault.In(what, err))
		}
		return &shared{subject, m}
	}
	if cfg.Account != nil {
		s.account = add("account", "account", SharedAccount, *cfg.Account)
	}
	for stage, l := range cfg.Stages {
		what := fmt.Sprintf("stages[%.100q]", stage)
		errs = append(errs, fault.In(what, stage.Validate()))
		if bucket := add(what, "stage "+stage.String(), SharedStage, l); bucket != nil {
			s.stages[stage] = bucket
		}
	}
	if s.account == nil && len(s.stages) == 0 {
		s = nil
	}
	return s, errs
}

// Account returns the throttle that all requests share, and whether there is one.
func (g *Gate) Account() (l limiter.Limit, ok bool) {
	if a := g.cfg.Account; a != nil && !a.Unlimited() {
		return *a, true
	}
	return limiter.Limit{}, false
}

// of is the throttles of a stage's requests, in the order in which they are asked; nil
// ones are none.
func (s *sharing) of(stage usageplan.Stage) [2]*shared { return [2]*shared{s.stages[stage], s.account} }

// share asks the shared throttles about a request that the key's own limits have admitted
// by the charge c. If one refuses, all that was taken is given back.
func (g *Gate) share(ctx, within context.Context, req *Request, d *Decision, c *store.Charge, take bool) error {
	var errs []error
	var taken [2]*shared // from; not where the Counter has failed
	for i, s := range g.shared.of(usageplan.Stage{API: req.API, Name: req.Stage}) {
		if s == nil {
			continue
		}
		switch wait, err := s.take(within, g.shared.counter, req.At, take); {
		case err != nil:
			errs = append(errs, g.unshared(ctx, req, d, s, take, err))
		case wait > 0:
			d.Allowed, d.Reason, d.RetryAfter, d.shared = false, throttled(wait), wait, s
		default:
			taken[i] = s
		}
		if d.Allowed {
			continue
		}
		if take {
			errs = append(errs, g.giveBack(ctx, d, c, taken[:]))
		}
		d.Cost = 0
		if d.Reason == StoreFailed {
			d.meters = nil
		}
		break
	}
	return errors.Join(errs...)
}

// take takes a token, or looks whether there is one, and tells how long to wait if there
// is none.
func (s *shared) take(ctx context.Context, counter store.OneTaker, at time.Time, take bool) (time.Duration, error) {
	n := int64(1)
	if !take {
		n = 0
	}
	l, _, err := counter.TakeOne(ctx, s.subject, &s.meter, at, n)
	if err == nil && !take && l.Remaining() < 1 {
		return untilTokens(&s.meter, l, 1), nil
	}
	return l.Wait, err
}

// unshared decides in the place of a Counter that has failed.
func (g *Gate) unshared(ctx context.Context, req *Request, d *Decision, s *shared, take bool, err error) error {
	d.Reason = StoreFailed
	switch {
	case ctx.Err() != nil || g.cfg.OnFailure.Throttle == FailClosed:
		d.Allowed = false
	case g.cfg.OnFailure.Throttle != FailOpen:
		d.Allowed, d.RetryAfter = g.fallback.takeTokens(s.subject, &s.meter, req.At, 1, take)
		if !d.Allowed {
			d.Reason, d.shared = throttled(d.RetryAfter), s
		}
	}
	return fmt.Errorf("gate: charge of the %s: %w", s.meter.Name, err)
}

// giveBack undoes the charge c and those of shared throttles, whatever has become of ctx,
// and tells how the key's own limits stand then.
func (g *Gate) giveBack(ctx context.Context, d *Decision, c *store.Charge, taken []*shared) error {
	within, cancel := g.within(context.WithoutCancel(ctx))
	defer cancel()
	for i := range c.Meters {
		c.N[i] = -c.N[i]
	}
	errs := []error{g.counter.Take(within, c)}
	if errs[0] == nil {
		copy(d.levels[:len(d.meters.limits)], c.Levels[:])
	}
	for _, s := range taken {
		if s != nil {
			_, _, err := g.shared.counter.TakeOne(within, s.subject, &s.meter, c.At, -1)
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("gate: give back: %w", err)
	}
	return nil
}
