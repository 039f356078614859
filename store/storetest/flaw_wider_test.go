package storetest

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// wider is the model with another way to decide charges, or to move subjects.
type wider struct {
	*model
	locking *locking

	// decides gets a sound charge of open subjects, and fills in the answer. If nil, the
	// model decides.
	decides func(w *wider, c *store.Charge) error

	// moves gets a sound Move. If nil, the model moves.
	moves func(w *wider, c *store.Charge) error

	// State of the flaws.
	one    sync.Mutex
	orders map[string][]string
	seen   map[string]time.Time
	places []string
	ends   map[key]time.Time
	limits map[key]int64
	copy   *model
}

func newWider() *wider {
	m := newModel()
	return &wider{
		model: m, locking: &locking{model: m, locks: map[any]chan struct{}{}},
		orders: map[string][]string{}, seen: map[string]time.Time{}, ends: map[key]time.Time{}, limits: map[key]int64{}, copy: newModel(),
	}
}

// widely makes a flawed counter that decides charges in another way.
func widely(decides func(w *wider, c *store.Charge) error) func() store.Counter {
	return func() store.Counter {
		w := newWider()
		w.decides = decides
		return w
	}
}

// severally is widely for a flaw of charges of several parts only.
func severally(decides func(w *wider, c *store.Charge) error) func() store.Counter {
	return widely(func(w *wider, c *store.Charge) error {
		if len(c.Parts) < 2 {
			return w.decide(c)
		}
		return decides(w, c)
	})
}

// alike makes a flawed counter that decides a changed copy of each charge.
func alike(change func(o *store.Charge)) func() store.Counter {
	return widely(func(w *wider, c *store.Charge) error { return w.as(c, change) })
}

// moving makes a flawed counter that moves subjects in another way.
func moving(moves func(w *wider, c *store.Charge) error) func() store.Counter {
	return func() store.Counter {
		w := newWider()
		w.moves = moves
		return w
	}
}

func (w *wider) Take(ctx context.Context, c *store.Charge) error {
	if err := soundly(ctx, c); err != nil {
		return err
	}
	if c.Op == store.Move {
		moves := w.moves
		if moves == nil {
			moves = soundMove
		}
		err := moves(w, c)
		c.OK = err == nil
		return err
	}
	if err := w.open(c); err != nil {
		return err
	}
	if w.decides == nil {
		return w.decide(c)
	}
	return w.decides(w, c)
}

// soundMove moves as the model does.
func soundMove(w *wider, c *store.Charge) error {
	return w.move(c.Parts[0].Subject, c.Parts[1].Subject)
}

// open returns a MovedError if a subject of c was closed.
func (w *wider) open(c *store.Charge) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed(c)
}

// as decides a changed copy of c, and takes over its answer.
func (w *wider) as(c *store.Charge, change func(o *store.Charge)) error {
	o := clone(c)
	change(o)
	err := w.decide(o)
	copyAnswer(c, o)
	return err
}

// onePart returns the charge of the i-th part alone.
func onePart(c *store.Charge, i int) *store.Charge {
	o := withLevels(c)
	o.Parts = o.Parts[i : i+1]
	return o
}

// hold returns a copy of all states.
func (w *wider) hold() map[key]store.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.states)
}

// statesOf returns a copy of the states of the meters of c that exist.
func (w *wider) statesOf(c *store.Charge) map[key]store.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	states := map[key]store.State{}
	for k := range keysOf(c) {
		if s, ok := w.states[k]; ok {
			states[k] = s
		}
	}
	return states
}

// put makes the states of some meters what they were.
func (w *wider) put(c *store.Charge, was map[key]store.State, which func(part int, k key) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range c.Parts {
		for i := range c.Parts[p].Meters {
			k := keyOf(&c.Parts[p], i)
			if !which(p, k) {
				continue
			}
			delete(w.states, k)
			if s, ok := was[k]; ok {
				w.states[owned(k)] = s
			}
		}
	}
}

// owned returns k in memory of its own.
func owned(k key) key {
	k.subject, k.name = strings.Clone(k.subject), strings.Clone(k.name)
	return k
}

// subjects returns the subjects of c in their order.
func subjects(c *store.Charge) (all []string) {
	for i := range c.Parts {
		all = append(all, strings.Clone(c.Parts[i].Subject))
	}
	return all
}

// rewriteParts reads the states of c, and writes them after a moment.
func (w *wider) rewriteParts(c *store.Charge) {
	o := newModel()
	o.states = w.statesOf(c)
	wait()
	o.take(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, s := range o.states {
		w.states[owned(k)] = s
	}
}

// under makes a charge while locks are taken, in the order of their names.
func (w *wider) under(c *store.Charge, names []string, charge func(c *store.Charge)) error {
	var releases []func()
	defer func() {
		for _, release := range releases {
			release()
		}
	}()
	for _, name := range names {
		release, err := w.locking.lock(name)
		if err != nil {
			return err
		}
		releases = append(releases, release)
		wait()
	}
	charge(c)
	return nil
}

// meters calls f with each part and meter of c.
func meters(c *store.Charge, f func(p *store.Part, i int)) {
	for p := range c.Parts {
		for i := range c.Parts[p].Meters {
			f(&c.Parts[p], i)
		}
	}
}

// apart returns an error that says that families are apart.
func apart() error { return fmt.Errorf("%w, %w", store.ErrApart, store.ErrNotTaken) }
