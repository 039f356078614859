package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ration-go/ration/store"
)

// bounded is the model with room for few subjects. It forgets a subject that has nothing
// to lose.
type bounded struct {
	*model
	room   int
	due    map[string]time.Time // when a subject has nothing to lose any more
	oldest []string             // the subjects

	// Flaws.
	bare       bool // returns ErrFull alone
	lockedOut  bool // refuses its own subjects too
	noNew      bool // refuses new states of its own subjects
	reads      bool // makes a subject for a read
	stays      bool // never has room again
	counts     func(m *store.Meter, l store.Level) bool
	makeRoom   func(b *bounded) bool
	oneUnbound bool // TakeOne ignores the room
}

// inFull returns harnesses of a counter with a flaw.
func inFull(spoil func(b *bounded)) func() Harness {
	fresh := func(room int) *bounded {
		b := &bounded{model: newModel(), room: room, due: map[string]time.Time{}}
		b.counts = func(*store.Meter, store.Level) bool { return true }
		spoil(b)
		return b
	}
	return func() Harness {
		return Harness{
			Bubble: synctest.Test,
			New:    func(testing.TB) store.Counter { return fresh(1 << 20) },
			Full:   func(testing.TB) store.Counter { return fresh(8) },
		}
	}
}

func (b *bounded) Take(ctx context.Context, c *store.Charge) error {
	if done, err := b.prepare(ctx, c); done {
		if err == nil && c.Op == store.Move {
			b.rename(c.Parts[0].Subject, c.Parts[1].Subject)
		}
		return err
	}
	if err := b.enter(c); err != nil {
		return err
	}
	o := withLevels(c)
	b.model.take(o)
	copyAnswer(c, o)
	for i := range o.Parts {
		if b.writes(o, &o.Parts[i]) && o.OK {
			b.note(o, &o.Parts[i])
		}
	}
	return nil
}

// rename gives the room of a subject that was moved to its new name.
func (b *bounded) rename(from, to string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if due, ok := b.due[from]; ok {
		delete(b.due, from)
		b.due[to] = due
	}
	if i := slices.Index(b.oldest, from); i >= 0 {
		b.oldest[i] = to
	}
}

// withLevels returns a copy of c in which every part has Levels.
func withLevels(c *store.Charge) *store.Charge {
	o := clone(c)
	for i := range o.Parts {
		o.Parts[i].Levels = make([]store.Level, len(o.Parts[i].Meters))
	}
	return o
}

// TakeOne is a fast path.
func (b *bounded) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{At: at, Parts: []store.Part{{Subject: subject, Meters: []store.Meter{*m}, N: []int64{n}, Levels: make([]store.Level, 1)}}}
	var err error
	if b.oneUnbound {
		err = b.model.Take(ctx, c)
	} else {
		err = b.Take(ctx, c)
	}
	return c.Parts[0].Levels[0], c.OK, err
}

func (b *bounded) writes(c *store.Charge, p *store.Part) bool {
	return c.Op == store.SetRemaining || b.reads || !isZero(p.N)
}

// enter makes sure that there is room for the new subjects of c.
func (b *bounded) enter(c *store.Charge) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := store.ErrFull
	if !b.bare {
		full = fmt.Errorf("%w, %w", store.ErrFull, store.ErrNotTaken)
	}
	newcomers := 0
	for i := range c.Parts {
		p := &c.Parts[i]
		_, known := b.due[p.Subject]
		switch {
		case !b.writes(c, p):
		case !known:
			newcomers++
		case len(b.due) >= b.room && (b.lockedOut || b.noNew && b.hasNew(p)):
			return full
		}
	}
	for free := b.room - len(b.due); free < newcomers; free++ {
		if !b.evict(c) {
			return full
		}
	}
	return nil
}

// hasNew reports whether a part has a meter that has no state.
func (b *bounded) hasNew(p *store.Part) bool {
	for i := range p.Meters {
		if _, ok := b.states[keyOf(p, i)]; !ok {
			return true
		}
	}
	return false
}

// evict forgets a subject that has nothing to lose and is not charged by c.
func (b *bounded) evict(c *store.Charge) bool {
	for who, due := range b.due {
		charged := slices.ContainsFunc(c.Parts, func(p store.Part) bool { return p.Subject == who })
		if !b.stays && !due.After(c.At) && !charged {
			b.forget(who)
			return true
		}
	}
	return b.makeRoom != nil && b.makeRoom(b)
}

func (b *bounded) forget(subject string) {
	delete(b.due, subject)
	b.lose(subject)
}

// lose forgets the states of a subject that stays.
func (b *bounded) lose(subject string) {
	for k := range b.states {
		if k.subject == subject {
			delete(b.states, k)
		}
	}
	b.oldest = slices.DeleteFunc(b.oldest, func(who string) bool { return who == subject })
}

func (b *bounded) note(c *store.Charge, p *store.Part) {
	b.mu.Lock()
	defer b.mu.Unlock()
	due, ok := b.due[p.Subject]
	if !ok {
		b.oldest = append(b.oldest, strings.Clone(p.Subject))
	}
	for i := range p.Meters {
		m, l := &p.Meters[i], p.Levels[i]
		until := c.At.Add(min(l.Reset, 10_000*day))
		if m.IsWindow() {
			until = time.Unix(min(m.End, 1<<40), 0).Add(min(m.Keep, 10_000*day))
		}
		if until.After(due) && b.counts(m, l) {
			due = until
		}
	}
	b.due[strings.Clone(p.Subject)] = due
}

var fullFlaws = []flaw{{
	name:   "makes room by forgetting the oldest subject",
	caught: []string{"full/refuses", "full/keeps", "full/parts", "full/existing", "full/read", "full/room"},
	open: inFull(func(b *bounded) {
		b.makeRoom = func(b *bounded) bool { b.forget(b.oldest[0]); return true }
	}),
}, {
	name:   "forgets a subject, and then refuses the new one",
	caught: []string{"full/keeps", "full/parts"},
	open: inFull(func(b *bounded) {
		b.makeRoom = func(b *bounded) bool {
			if len(b.oldest) > 0 {
				b.lose(b.oldest[len(b.oldest)/2])
			}
			return false
		}
	}),
}, {
	name:   "does not say that nothing was taken",
	caught: []string{"full/refuses"},
	open:   inFull(func(b *bounded) { b.bare = true }),
}, {
	name:   "a TakeOne that ignores the room",
	caught: []string{"full/refuses"},
	open:   inFull(func(b *bounded) { b.oneUnbound = true }),
}, {
	name:   "refuses every charge when it is full",
	caught: []string{"full/existing", "full/parts"},
	open:   inFull(func(b *bounded) { b.lockedOut = true }),
}, {
	name:   "refuses new windows when it is full",
	caught: []string{"full/existing"},
	open:   inFull(func(b *bounded) { b.noNew = true }),
}, {
	name:   "makes a subject for a read",
	caught: []string{"full/read", "full/refuses"},
	open:   inFull(func(b *bounded) { b.reads = true }),
}, {
	name:   "forgets subjects whose buckets are full",
	caught: []string{"full/parts"},
	open: inFull(func(b *bounded) {
		b.counts = func(m *store.Meter, _ store.Level) bool { return !m.IsWindow() }
	}),
}, {
	name:   "forgets subjects whose windows are over",
	caught: []string{"full/parts"},
	open: inFull(func(b *bounded) {
		b.counts = func(m *store.Meter, _ store.Level) bool { return m.IsWindow() }
	}),
}, {
	name:   "forgets subjects that have used nothing",
	caught: []string{"full/parts"},
	open: inFull(func(b *bounded) {
		b.counts = func(_ *store.Meter, l store.Level) bool { return l.Used > 0 }
	}),
}, {
	name:   "never has room again",
	caught: []string{"full/room"},
	open:   inFull(func(b *bounded) { b.stays = true }),
}}
