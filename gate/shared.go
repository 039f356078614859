package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A shared is a throttle that many keys share. It has a subject of its own. It is a part
// of the same charge as the limits of the key, so both are charged or neither is.
type shared struct {
	refuser
	subject string
	meters  [1]store.Meter

	// place is where the Counter found the subject last, see binding.place.
	place atomic.Uint64
}

// maxShared is the number of shared throttles that a request can have: the one of its
// stage and the one of the account.
const maxShared = 2

// A sharing holds the shared throttles of a Gate.
type sharing struct {
	counter store.OneTaker
	account *shared
	stages  map[usageplan.Stage]*shared
}

// newSharing returns the shared throttles of a Config, or nil if it has none.
func newSharing(counter store.Counter, cfg Config) (_ *sharing, errs []error) {
	s := &sharing{counter: store.One(counter), stages: map[usageplan.Stage]*shared{}}
	add := func(field string, payer Payer, subject string, l limiter.Limit) *shared {
		bucket, err := newShared(payer, subject, l)
		errs = append(errs, fault.In(field, err))
		return bucket
	}
	if cfg.Account != nil {
		s.account = add("account", Payer{Kind: PayerAccount}, "account", *cfg.Account)
	}
	for stage, l := range cfg.Stages {
		field := fmt.Sprintf("stages[%.100q]", stage)
		errs = append(errs, fault.In(field, stage.Validate()))
		if bucket := add(field, Payer{PayerStage, stage.String()}, "stage "+stage.String(), l); bucket != nil {
			s.stages[stage] = bucket
		}
	}
	if s.account == nil && len(s.stages) == 0 {
		s = nil
	}
	return s, errs
}

// newShared returns a throttle that the keys of a payer share, or nil if l is unlimited.
func newShared(payer Payer, subject string, l limiter.Limit) (*shared, error) {
	if l.Unlimited() {
		return nil, nil
	}
	kind := payer.Kind.String()
	m, err := l.Meter(kind)
	m.Name = metername.Shared(kind, m)
	s := &shared{
		refuser: refuser{payer: payer, limit: Limit{Name: metername.Throttle, Unit: usageplan.Requests, Rate: m.Rate}},
		subject: metername.SharedSubject(subject),
		meters:  [1]store.Meter{m},
	}
	if n := len(s.subject); err == nil && n > store.MaxSubject {
		err = fmt.Errorf("%d bytes: want at most %d", n, store.MaxSubject)
	}
	return s, err
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
// the nodes of a Redis Cluster. It takes the shared tokens first, and then makes the
// charge of the key and its groups. If that charge is refused, it gives the tokens back.
// So a request that a shared throttle refuses never shows in a quota.
func (g *Gate) takeApart(ctx, within context.Context, p *pending) error {
	for i, part := range p.sharedParts() {
		ok, err := g.takeShared(within, p, i, part.N[0])
		if err == nil && ok {
			continue
		}
		p.OK = false
		p.undone = g.giveBack(ctx, p, i)
		if err != nil {
			return err
		}
		return g.readRest(within, p, i+1)
	}
	family := p.Charge
	family.Parts = p.parts[:p.family]
	err := g.counter.Take(within, &family)
	p.OK = family.OK
	if err == nil && !p.OK || errors.Is(err, store.ErrNotTaken) {
		p.undone = g.giveBack(ctx, p, len(p.sharedParts()))
	}
	return err
}

// takeShared charges n tokens to the i-th shared throttle alone.
func (g *Gate) takeShared(within context.Context, p *pending, i int, n int64) (ok bool, err error) {
	part := &p.sharedParts()[i]
	part.Levels[0], ok, err = g.shared.counter.TakeOne(within, part.Subject, &part.Meters[0], p.At, n)
	return ok, err
}

// readRest reads the levels of the shared throttles from the i-th on, and those of the
// limits of the key and its groups, after a shared throttle has refused. The decision is
// then the one that a Counter makes in one step, in which every limit has its say.
func (g *Gate) readRest(within context.Context, p *pending, i int) error {
	for ; i < len(p.sharedParts()); i++ {
		if _, err := g.takeShared(within, p, i, 0); err != nil {
			return err
		}
	}
	read := p.Charge
	read.Parts = slices.Clone(p.parts[:p.family])
	for i := range read.Parts {
		read.Parts[i].N = zeros[:len(read.Parts[i].Meters)]
	}
	p.onlyRead = true
	return g.counter.Take(within, &read)
}

// giveBack gives the tokens of the first n shared throttles back, even if ctx has ended.
// A throttle that had none, while Gate.Enforce is off, gets none.
func (g *Gate) giveBack(ctx context.Context, p *pending, n int) error {
	within, cancel := g.within(context.WithoutCancel(ctx))
	defer cancel()
	var errs []error
	for i := range n {
		if part := &p.sharedParts()[i]; part.N[0] != 0 && part.Levels[0].Wait == 0 {
			_, err := g.takeShared(within, p, i, -1)
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("gate: give back: %w", err)
	}
	return nil
}
