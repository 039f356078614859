package lease

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/store"
)

// Counter is a store.Counter that charges an inner Counter in blocks, and decides the
// charges of hot subjects in this process. Call New to make one, and Close at the end. It
// is safe for concurrent use.
//
// It implements [store.OneTaker], [store.ListTaker] and [store.Peeker].
type Counter struct {
	inner    store.Counter
	cfg      Config
	clock    clock
	heat     heat
	hotAfter uint64 // see heat.touch
	accounts *table

	mu      sync.Mutex
	closed  atomic.Bool    // set under mu
	timer   *time.Timer    // of the next sweep, or nil
	working sync.WaitGroup // settlements and sweeps under way

	marks *marks // nil if the inner Counter is store.Local: none of its answers is lost

	unsettled []*account // that Close could not settle

	settlements outage.Log // tells when they fail
}

// New returns a Counter over inner. It does not use inner yet. The error has every fault
// of the configuration.
func New(inner store.Counter, cfg Config) (*Counter, error) {
	cfg, err := cfg.withDefaults(inner)
	if err != nil {
		return nil, err
	}
	l := &Counter{inner: inner, cfg: cfg, clock: newClock(store.IsLocal(inner)), hotAfter: hotAfter, accounts: newTable(cfg.Subjects), settlements: newSettlementLog(cfg.Logger)}
	if !store.IsLocal(inner) {
		l.marks = newMarks()
	}
	return l, nil
}

// Take implements store.Counter.
func (l *Counter) Take(ctx context.Context, c *store.Charge) error {
	_, err := l.TakeHere(ctx, c)
	return err
}

// TakeHere does what Take does, and reports whether the charge was decided in this
// process, without waiting for the inner Counter.
func (l *Counter) TakeHere(ctx context.Context, c *store.Charge) (here bool, err error) {
	if c.Op == store.Spend && len(c.Parts) == 1 && l.takePooled(ctx, c) {
		return true, nil
	}
	if err := c.Check(); err != nil {
		return true, err
	}
	if err := ctx.Err(); err != nil {
		return true, notTaken(err)
	}
	switch c.Op {
	case store.Move:
		return false, l.move(ctx, c)
	case store.SetRemaining:
		return false, l.setRemaining(ctx, c)
	}
	return l.spend(ctx, c)
}

func notTaken(err error) error { return fmt.Errorf("lease: %w: %w", store.ErrNotTaken, err) }

// takePooled decides a charge of one part without a lock, if the pool of its subject has
// the units.
func (l *Counter) takePooled(ctx context.Context, c *store.Charge) bool {
	part := &c.Parts[0]
	a := l.accounts.find(l.accounts.hash(part.Subject), part.Subject)
	if a == nil {
		return false
	}
	p := a.pool.Load()
	if p == nil {
		return false
	}
	n := p.units(part)
	if n <= 0 || ctx.Err() != nil {
		return false
	}
	left, ok := p.take(l, a, n)
	if !ok {
		return false
	}
	if part.Levels != nil {
		wall, now := l.clock.quick(c.At)
		for i := range part.Levels {
			p.show(i, left, wall, now, &part.Levels[i])
		}
	}
	c.OK = true
	return true
}

// TakeOne implements store.OneTaker.
func (l *Counter) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (level store.Level, ok bool, err error) {
	if a := l.accounts.find(l.accounts.hash(subject), subject); a != nil {
		if p := a.pool.Load(); p != nil && len(p.meters) == 1 && p.meters[0] == *m && ctx.Err() == nil {
			if left, ok := p.take(l, a, n); ok {
				wall, now := l.clock.quick(at)
				p.show(0, left, wall, now, &level)
				return level, true, nil
			}
		}
	}
	return store.One(onlyTake{l}).TakeOne(ctx, subject, m, at, n)
}

// onlyTake hides the TakeOne of a Counter, so that store.One makes a whole Charge.
type onlyTake struct{ store.Counter }

// refill begins the next settlement of an account in the background.
func (l *Counter) refill(a *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.settling == nil && !a.gone && l.clock.now() >= a.pause {
		l.begin(a)
	}
}
