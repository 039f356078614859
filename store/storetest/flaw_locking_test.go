package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// locking is the model with locks of its own instead of the model's. They are channels,
// so that in a bubble time may pass while a caller waits for one.
type locking struct {
	*model
	mu    sync.Mutex
	locks map[any]chan struct{}
}

// lock takes the lock of k, and returns its release. It gives up after a second, as a
// database does that finds a deadlock.
func (l *locking) lock(k any) (release func(), err error) {
	l.mu.Lock()
	c := l.locks[k]
	if c == nil {
		c = make(chan struct{}, 1)
		l.locks[k] = c
	}
	l.mu.Unlock()
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-time.After(time.Second):
		return nil, errors.New("deadlock detected")
	}
}

// each takes the locks of all meters of c, in the order of less if it is not nil.
func (l *locking) each(c *store.Charge, less func(a, b key) int) (release func(), err error) {
	var keys []key
	for i := range c.Parts[0].Meters {
		keys = append(keys, keyOf(&c.Parts[0], i))
	}
	if less != nil {
		slices.SortFunc(keys, less)
	}
	var releases []func()
	release = func() {
		for _, f := range releases {
			f()
		}
	}
	for _, k := range slices.Compact(keys) {
		one, err := l.lock(k)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, one)
		wait()
	}
	return release, nil
}

// rewrite reads the states of c, or all states of its subject, and writes them after a
// moment. Whatever others wrote between is lost.
func (l *locking) rewrite(c *store.Charge, whole bool) {
	o := &model{states: l.statesOf(c)}
	if whole {
		l.model.mu.Lock()
		for k, s := range l.states {
			if k.subject == c.Parts[0].Subject {
				o.states[k] = s
			}
		}
		l.model.mu.Unlock()
	}
	wait()
	o.take(c)
	l.model.mu.Lock()
	defer l.model.mu.Unlock()
	maps.Copy(l.states, o.states)
}

func byKey(a, b key) int { return slices.Compare([]byte(fmt.Sprint(a)), []byte(fmt.Sprint(b))) }

func reads(c *store.Charge) bool {
	return c.Op != store.SetRemaining && isZero(c.Parts[0].N)
}

// overlapFlaw makes a flawed counter of a Take that gets a sound copy of each charge that
// is not a read.
func overlapFlaw(take func(l *locking, c *store.Charge) error) func() store.Counter {
	return func() store.Counter {
		return &writer{&locking{model: newModel(), locks: map[any]chan struct{}{}}, take}
	}
}

type writer struct {
	*locking
	write func(l *locking, c *store.Charge) error
}

func (w *writer) Take(ctx context.Context, c *store.Charge) error {
	if err := soundly(ctx, c); err != nil {
		return err
	}
	if reads(c) || len(c.Parts[0].Meters) == 0 {
		w.take(c)
		return nil
	}
	o := independent(c)
	err := w.write(w.locking, o)
	copyAnswer(c, o)
	return err
}

// under makes a charge while the lock of k is taken.
func under(l *locking, k any, charge func()) error {
	release, err := l.lock(k)
	if err != nil {
		return err
	}
	defer release()
	charge()
	return nil
}

// put makes s the state of meter i.
func (l *locking) put(c *store.Charge, i int, s store.State) {
	l.model.mu.Lock()
	defer l.model.mu.Unlock()
	l.states[keyOf(&c.Parts[0], i)] = s
}

// levels reads the levels of a refusal. The model is locked.
func (l *locking) levels(c *store.Charge) {
	for i := range c.Parts[0].Meters {
		m, s, now := &c.Parts[0].Meters[i], l.states[keyOf(&c.Parts[0], i)], l.now(c.At)
		_, refused, ok := after(s, m, c.At, now, c.Parts[0].N[i], false)
		_, c.Parts[0].Levels[i], _ = after(s, m, c.At, now, 0, false)
		if !ok {
			c.Parts[0].Levels[i].Wait = refused.Wait
		}
	}
}
