package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// gathers is a counter that makes the charges of all callers of a moment together. The
// first caller makes them for all. It is correct unless one of its parts is replaced.
type gathers struct {
	*model
	lead  func(g *gathers, ctx context.Context, b *gathering, mine *seat) error
	leave func(g *gathers, ctx context.Context, b *gathering, mine *seat) error

	mu   sync.Mutex
	open *gathering
}

// gathering is the callers of a moment. seats are those that get an answer, in the order
// of charges.
type gathering struct {
	seats   []*seat
	charges []*store.Charge
}

type seat struct {
	charge *store.Charge
	caller *store.Charge
	done   chan struct{}
	left   bool
	err    error
}

// moment is how long the first caller waits for others. In a bubble of testing/synctest
// all callers are waiting then, and those that leave have left.
const moment = time.Microsecond

func (g *gathers) Take(ctx context.Context, c *store.Charge) error {
	if err := soundly(ctx, c); err != nil {
		return err
	}
	mine := &seat{charge: independent(c), caller: c, done: make(chan struct{})}
	g.mu.Lock()
	first := g.open == nil
	if first {
		g.open = new(gathering)
	}
	b := g.open
	b.seats, b.charges = append(b.seats, mine), append(b.charges, mine.charge)
	g.mu.Unlock()

	if err := g.wait(ctx, b, mine, first); err != nil {
		return err
	}
	c.OK, c.Parts[0].Levels = mine.charge.OK, mine.charge.Parts[0].Levels
	return mine.err
}

func (g *gathers) wait(ctx context.Context, b *gathering, mine *seat, first bool) error {
	if first && g.lead != nil {
		return g.lead(g, ctx, b, mine)
	}
	if first {
		time.Sleep(moment)
		return g.close(ctx, b, mine)
	}
	select {
	case <-mine.done:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-mine.done:
		return nil
	default:
	}
	if g.leave != nil {
		return g.leave(g, ctx, b, mine)
	}
	mine.left = true
	return notTaken(ctx.Err())
}

// close makes the charges of b. The first caller leaves its own out if its ctx has ended.
func (g *gathers) close(ctx context.Context, b *gathering, mine *seat) (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = nil
	if err = ctx.Err(); err != nil {
		mine.left, err = true, notTaken(err)
	}
	for _, s := range b.seats {
		if !s.left {
			g.take(s.charge)
			close(s.done)
		}
	}
	return err
}

func gatherer(lead, leave func(g *gathers, ctx context.Context, b *gathering, mine *seat) error) func() store.Counter {
	return func() store.Counter { return &gathers{model: newModel(), lead: lead, leave: leave} }
}

var queueFlaws = []flaw{{
	name:   "the ctx of the first caller ends the calls of all",
	caught: []string{"queue/stays"},
	counter: gatherer(func(g *gathers, ctx context.Context, b *gathering, mine *seat) error {
		time.Sleep(moment)
		if ctx.Err() == nil {
			return g.close(ctx, b, mine)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open = nil
		for _, s := range b.seats {
			if !s.left {
				s.err = notTaken(ctx.Err())
				close(s.done)
			}
		}
		return mine.err
	}, nil),
}, {
	name:   "a first caller that leaves makes the charges of none",
	caught: []string{"queue/stays"},
	counter: gatherer(func(g *gathers, ctx context.Context, b *gathering, mine *seat) error {
		select {
		case <-time.After(moment):
			return g.close(ctx, b, mine)
		case <-ctx.Done():
			g.mu.Lock()
			defer g.mu.Unlock()
			g.open = nil
			return notTaken(ctx.Err())
		}
	}, nil),
}, {
	name:   "a caller that leaves takes the next one out of the queue",
	caught: []string{"queue/stays"},
	counter: gatherer(nil, func(g *gathers, ctx context.Context, b *gathering, mine *seat) error {
		if i := slices.Index(b.seats, mine) + 1; i < len(b.seats) {
			b.seats[i].left = true
		}
		return ctx.Err()
	}),
}, {
	name:   "answers move up when a caller leaves",
	caught: []string{"queue/stays"},
	counter: gatherer(func(g *gathers, ctx context.Context, b *gathering, mine *seat) error {
		time.Sleep(moment)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open = nil
		for i, c := range b.charges {
			if g.take(c); i < len(b.seats) {
				b.seats[i].charge = c
				close(b.seats[i].done)
			}
		}
		return nil
	}, func(g *gathers, ctx context.Context, b *gathering, mine *seat) error {
		i := slices.Index(b.seats, mine)
		b.seats = slices.Delete(b.seats, i, i+1)
		return ctx.Err()
	}),
}, {
	name:   "makes the charge of a caller that left with ErrNotTaken",
	caught: []string{"queue/leaves"},
	counter: gatherer(nil, func(_ *gathers, ctx context.Context, _ *gathering, _ *seat) error {
		return notTaken(ctx.Err())
	}),
}, {
	name:   "leaves the queue without the error of ctx",
	caught: []string{"queue/leaves"},
	counter: gatherer(nil, func(_ *gathers, _ context.Context, _ *gathering, mine *seat) error {
		mine.left = true
		return store.ErrNotTaken
	}),
}, {
	name:   "undoes a charge with the counts of before",
	caught: []string{"queue/leaves"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		was := m.statesOf(c)
		m.take(c)
		time.Sleep(moment) // until others have charged too
		if len(c.Parts[0].Meters) > 1 && ctx.Err() != nil {
			m.restore(c, 0, was)
			return notTaken(ctx.Err())
		}
		return nil
	}),
}, {
	name:   "writes to the Charge of a caller that left the queue",
	caught: []string{"queue/gone"},
	counter: gatherer(nil, func(g *gathers, ctx context.Context, _ *gathering, mine *seat) error {
		go func() {
			time.Sleep(100 * moment)
			g.mu.Lock()
			defer g.mu.Unlock()
			mine.caller.OK, mine.caller.Parts[0].Levels = mine.charge.OK, mine.charge.Parts[0].Levels
		}()
		return ctx.Err()
	}),
}}
