package gate

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A shared throttle has a subject of its own, from which all keys take. It is a part of
// the same charge as the key's own limits, so nobody sees one without the other.
type shared struct {
	kind    string // SharedAccount or SharedStage
	subject string
	meters  [1]store.Meter

	// place is where the Counter found the subject last, see binding.place.
	place atomic.Uint64
}

// maxShared is how many shared throttles a request can have: its stage's and the
// account's.
const maxShared = 2

// A sharing has the shared throttles of a Gate that has any.
type sharing struct {
	counter store.OneTaker
	account *shared
	stages  map[usageplan.Stage]*shared
}

func newSharing(counter store.Counter, cfg Config) (_ *sharing, errs []error) {
	s := &sharing{counter: store.One(counter), stages: map[usageplan.Stage]*shared{}}
	add := func(what, subject, kind string, l limiter.Limit) *shared {
		if l.Unlimited() {
			return nil
		}
		m, err := l.Meter(kind)
		m.Name = metername.Shared(kind, m)
		if err == nil && len(subject) > store.MaxSubject {
			err = fmt.Errorf("%d bytes: want at most %d", len(subject), store.MaxSubject)
		}
		if err != nil {
			errs = append(errs, fault.In(what, err))
		}
		return &shared{kind: kind, subject: subject, meters: [1]store.Meter{m}}
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

// of returns the throttles of a stage's requests. Those that do not exist are nil.
func (s *sharing) of(stage usageplan.Stage) [maxShared]*shared {
	return [maxShared]*shared{s.stages[stage], s.account}
}

// takeApart decides a charge whose subjects a Counter keeps in different places, such as
// the nodes of a Redis Cluster. It takes the shared tokens first, then makes the key's
// own charge, and gives the tokens back if that does not happen. So the refusal of a
// shared throttle is never seen by others as a used-up quota.
func (g *Gate) takeApart(ctx, within context.Context, p *pending) error {
	for i := range p.Parts[1:] {
		part := &p.Parts[1+i]
		l, ok, err := g.shared.counter.TakeOne(within, part.Subject, &part.Meters[0], p.At, part.N[0])
		part.Levels[0] = l
		if err == nil && ok {
			continue
		}
		if p.OK = false; err == nil {
			err = g.readOwn(within, p)
		}
		p.undone = g.giveBack(ctx, p, i)
		return err
	}
	own := p.Charge
	own.Parts = p.parts[:1]
	err := g.counter.Take(within, &own)
	p.OK = own.OK
	if err == nil && !p.OK || errors.Is(err, store.ErrNotTaken) {
		p.undone = g.giveBack(ctx, p, len(p.Parts)-1)
	}
	return err
}

// readOwn reads the levels of the key's own limits after a shared throttle has refused.
func (g *Gate) readOwn(within context.Context, p *pending) error {
	read := p.Charge
	read.Parts = []store.Part{p.parts[0]}
	read.Parts[0].N = zeros[:len(read.Parts[0].Meters)]
	return g.counter.Take(within, &read)
}

// giveBack gives the tokens of the first n shared throttles back, whatever has become of
// ctx.
func (g *Gate) giveBack(ctx context.Context, p *pending, n int) error {
	within, cancel := g.within(context.WithoutCancel(ctx))
	defer cancel()
	var errs []error
	for i := range n {
		part := &p.Parts[1+i]
		if part.N[0] == 0 {
			continue
		}
		l, _, err := g.shared.counter.TakeOne(within, part.Subject, &part.Meters[0], p.At, -1)
		part.Levels[0] = l
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("gate: give back: %w", err)
	}
	return nil
}
