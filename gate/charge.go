package gate

import (
	"context"
	"errors"
	"sync"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A pending has the Charge of one decision and everything that the Charge points to. Its
// first part is that of the key. Then come the parts of the key's family: its groups from
// the bottom to the root. The shared throttles come last.
type pending struct {
	store.Charge
	parts  [store.MaxParts]store.Part
	units  [store.MaxMeters]int64
	levels [store.MaxMeters + maxShared]store.Level
	shared [maxShared]*shared // of the parts after the family
	family int                // how many parts are those of the key and its groups

	lenient bool // Gate.Enforce was off when the charge began

	groups groupRoom // apart from units and levels: few decisions have groups

	// onlyRead says that a shared throttle refused before the limits of the key and its
	// groups were asked. Their levels were only read.
	onlyRead bool

	// undone says why shared tokens could not be given back. It changes no decision. The
	// caller of the Gate gets it as an error.
	undone error
}

var pendings = sync.Pool{New: func() any { return new(pending) }}

// charge lets the Counter decide. It charges if take is set, and only reads otherwise. If
// the subject has moved since the key was read, charge returns moved and makes no
// decision.
func (g *Gate) charge(ctx context.Context, req *Request, e *entry, b *binding, d *Decision, take bool, t *timing) (moved *store.MovedError, err error) {
	within := ctx
	if !g.local {
		var cancel context.CancelFunc
		within, cancel = g.within(ctx)
		defer cancel()
	}
	p := pendings.Get().(*pending)
	p.set(req, b, d.meters)
	if take {
		p.parts[0].N = d.meters.amounts(&p.units, req)
	}
	if group := e.group(); group != nil {
		p.addGroups(req, group, g.resolver.counting, d, take)
	}
	if g.shared != nil && !req.More {
		p.addShared(g.shared.of(usageplan.Stage{API: req.API, Name: req.Stage}), take)
	}
	if p.lenient = g.lenient.Load(); p.lenient {
		p.soften()
	}
	err = g.take(ctx, within, e, b, p, t)
	if err == nil { // otherwise the levels may be those of another decision
		g.outage.Succeed(ctx)
		d.setLevels(p.parts[0].Levels)
		if d.groups != nil {
			d.groups.copyLevels(p)
		}
	}
	switch {
	case err != nil:
		moved, err = g.chargeFailed(ctx, req, d, p, take, err)
	case d.meters.repeated(p):
		d.admitRepeated()
	case !take || p.onlyRead:
		d.peek(req, p)
	case p.OK:
		d.admit(req)
	default:
		d.explainRefusal(p)
	}
	if p.lenient {
		d.noteShared(p)
	}
	if p.undone != nil {
		err = join(err, p.undone)
	}
	pendings.Put(p)
	return moved, err
}

// chargeFailed returns err if it says that the subject has moved. Otherwise it lets the
// failure policy decide.
func (g *Gate) chargeFailed(ctx context.Context, req *Request, d *Decision, p *pending, take bool, err error) (*store.MovedError, error) {
	if moved, ok := errors.AsType[*store.MovedError](err); ok {
		return moved, nil
	}
	return nil, g.decideByPolicy(ctx, req, d, p, take, err)
}

// set makes p a read of the key's meters. It writes field by field: a Part that is copied
// as a whole costs a few percent of a decision.
func (p *pending) set(req *Request, b *binding, m *meters) {
	p.Op, p.At, p.OK = store.Spend, req.At, false
	p.onlyRead, p.undone = false, nil
	n, own := len(m.list), &p.parts[0]
	own.Subject = b.subject
	own.Meters = m.list
	own.N = zeros[:n]
	own.Levels = p.levels[:n]
	own.Place = b.place.Load()
	p.Parts, p.family = p.parts[:1], 1
}

// addShared adds the shared throttles that are not nil.
func (p *pending) addShared(all [maxShared]*shared, take bool) {
	n := &zeros
	if take {
		n = &ones
	}
	for _, s := range all {
		if s == nil {
			continue
		}
		i := len(p.Parts)
		level := store.MaxMeters + i - p.family
		p.shared[i-p.family] = s
		p.parts[i] = store.Part{
			Subject: s.subject,
			Meters:  s.meters[:],
			N:       n[:1],
			Levels:  p.levels[level : level+1],
			Place:   s.place.Load(),
		}
		p.Parts = p.parts[:i+1]
	}
}

// take makes the Charge, and remembers where the Counter found the subjects. If the
// Counter keeps the subjects apart, take makes several charges instead.
func (g *Gate) take(ctx, within context.Context, e *entry, b *binding, p *pending, t *timing) error {
	err := g.takeTimed(within, &p.Charge, t)
	if err != nil && errors.Is(err, store.ErrApart) {
		err = g.takeApart(ctx, within, p)
	}
	if place := p.parts[0].Place; place != b.place.Load() {
		b.place.Store(place)
	}
	if len(p.Parts) > 1 {
		p.keepPlaces(e.group())
	}
	return err
}

// takeTimed makes the Charge. A Counter that leases says whether it had to wait.
func (g *Gate) takeTimed(ctx context.Context, c *store.Charge, t *timing) error {
	if g.leases == nil {
		return g.counter.Take(ctx, c)
	}
	here, err := g.leases.TakeHere(ctx, c)
	if !here {
		t.noteWait()
	}
	return err
}

// keepPlaces remembers where the Counter found the groups, from n up, and the shared
// throttles.
func (p *pending) keepPlaces(n *node) {
	for i := 1; i < p.family; i, n = i+1, n.above {
		if place := p.parts[i].Place; place != n.place.Load() {
			n.place.Store(place)
		}
	}
	for i, part := range p.sharedParts() {
		if s := p.shared[i]; part.Place != s.place.Load() {
			s.place.Store(part.Place)
		}
	}
}

// sharedParts returns the parts of the shared throttles.
func (p *pending) sharedParts() []store.Part { return p.Parts[p.family:] }

// zeros and ones are the units of most charges. They are never changed.
var zeros, ones = [store.MaxMeters]int64{}, each(1)

func each(n int64) (all [store.MaxMeters]int64) {
	for i := range all {
		all[i] = n
	}
	return all
}

// amounts returns how much each meter is charged for a request: Request.requests for
// requests and the ID, and otherwise the cost in its unit. The result is in room, or in
// ones if every amount is 1. So it must not be changed.
func (m *meters) amounts(room *[store.MaxMeters]int64, req *Request) []int64 {
	n := len(m.list)
	if m.plain && !req.More {
		return ones[:n]
	}
	for i := range m.list {
		room[i] = m.amount(i, req)
	}
	return room[:n]
}

// amount returns how much the i-th meter is charged for a request.
func (m *meters) amount(i int, req *Request) int64 {
	if unit := m.units[i]; unit > 0 {
		return req.Costs[unit-1]
	}
	return req.requests()
}

// within returns ctx with the Gate's deadline, unless the Counter never waits.
func (g *Gate) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.local {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, g.cfg.Timeout)
}
