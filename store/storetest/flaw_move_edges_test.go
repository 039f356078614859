package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var moveEdgeFlaws = []flaw{{
	name:    "leaves OK as it was after a Move",
	caught:  []string{"move/ok"},
	counter: func() store.Counter { return silentMove{newModel()} },
}, {
	name:    "does not look at ctx before a Move",
	caught:  []string{"move/cancelled"},
	counter: func() store.Counter { return deafMove{newModel()} },
}, {
	name:    "names the last of the closed subjects of a charge",
	caught:  []string{"move/first-closed"},
	counter: func() store.Counter { return lastClosed{newModel()} },
}, {
	name:    "keeps an empty subject after a read",
	caught:  []string{"move/onto-untouched"},
	counter: creating(onlyReadsParts),
}, {
	name:    "keeps an empty subject after a refusal",
	caught:  []string{"move/onto-untouched"},
	counter: creating(func(c *store.Charge) bool { return !c.OK }),
}, {
	name:    "keeps an empty subject that was only read beside another",
	caught:  []string{"move/onto-untouched"},
	counter: creating(func(c *store.Charge) bool { return c.OK && len(c.Parts) > 1 }),
}, {
	name:   "closes a subject without state, whether or not the second one is in use",
	caught: []string{"move/nothing-onto-used"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		err := w.move(from, to)
		if !errors.Is(err, store.ErrInvalid) || w.has(from) {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.moved[strings.Clone(from)] = strings.Clone(to)
		return nil
	}),
}, {
	name:   "opens the second subject of a Move only if it gets a state",
	caught: []string{"move/nothing-back"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		w.mu.Lock()
		was, wasClosed := w.moved[to]
		w.mu.Unlock()
		empty := !w.has(from)
		err := w.move(from, to)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil && wasClosed && empty {
			w.moved[strings.Clone(to)] = was
		}
		return err
	}),
}, {
	name:   "opens a closed subject by the caller's clock",
	caught: []string{"move/ahead"},
	counter: closedFor(func(w *wider, c *store.Charge, subject string) bool {
		return instant(c).Sub(w.seen[subject]) < store.ClosedFor || time.Since(w.seen[subject]) > day
	}),
}}

// has reports whether a subject has state.
func (w *wider) has(subject string) bool {
	for k := range w.hold() {
		if k.subject == subject {
			return true
		}
	}
	return false
}

// creating makes a flawed counter that notes the subjects of some charges. Nothing can be
// moved to these.
func creating(creates func(c *store.Charge) bool) func() store.Counter {
	return func() store.Counter {
		w := newWider()
		w.decides = func(w *wider, c *store.Charge) error {
			err := w.decide(c)
			w.mu.Lock()
			defer w.mu.Unlock()
			for i := range c.Parts {
				if err == nil && creates(c) {
					w.seen[strings.Clone(c.Parts[i].Subject)] = instant(c)
				}
			}
			return err
		}
		w.moves = func(w *wider, c *store.Charge) error {
			from, to := c.Parts[0].Subject, c.Parts[1].Subject
			w.mu.Lock()
			_, created := w.seen[to]
			_, repeated := w.moved[from]
			w.mu.Unlock()
			if created && !repeated {
				return errors.Join(store.ErrInvalid, store.ErrNotTaken)
			}
			err := w.move(from, to)
			w.mu.Lock()
			defer w.mu.Unlock()
			if err == nil {
				delete(w.seen, from)
			}
			return err
		}
		return w
	}
}

// silentMove is the model with a Move that gives no answer.
type silentMove struct{ *model }

func (s silentMove) Take(ctx context.Context, c *store.Charge) error {
	was := c.OK
	err := s.model.Take(ctx, c)
	if c.Op == store.Move {
		c.OK = was
	}
	return err
}

// deafMove is the model with a Move that does not observe ctx.
type deafMove struct{ *model }

func (d deafMove) Take(ctx context.Context, c *store.Charge) error {
	if c.Op == store.Move {
		ctx = context.WithoutCancel(ctx)
	}
	return d.model.Take(ctx, c)
}

// lastClosed is the model with a MovedError of the last subject that is closed.
type lastClosed struct{ *model }

func (l lastClosed) Take(ctx context.Context, c *store.Charge) error {
	err := l.model.Take(ctx, c)
	if _, ok := err.(*store.MovedError); !ok || c.Op == store.Move {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range c.Parts {
		if to, ok := l.moved[c.Parts[i].Subject]; ok {
			err = &store.MovedError{Subject: c.Parts[i].Subject, To: to}
		}
	}
	return err
}
