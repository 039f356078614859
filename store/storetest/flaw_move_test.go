package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var moveFlaws = []flaw{{
	name:   "copies the state of a subject, and leaves it open",
	caught: []string{"move/closed"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		was := w.hold()
		err := w.move(from, to)
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.model.moved, from)
		for k, s := range was {
			if k.subject == from {
				w.states[k] = s
			}
		}
		return err
	}),
}, {
	name:    "closes a subject, and forgets its state",
	caught:  []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { return false }),
}, {
	name:    "moves the states of windows only",
	caught:  []string{"move/fraction", "move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { return k.window }),
}, {
	name:   "moves no window that has ended",
	caught: []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool {
		for o := range w.states {
			if k.window && o.window && o.subject == k.subject && o.name == k.name && o.start > k.start {
				return false
			}
		}
		return true
	}),
}, {
	name:    "moves no extension",
	caught:  []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { s.Window.Extra = 0; return true }),
}, {
	name:    "moves no bucket of an ID",
	caught:  []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { return k.name != "id 1" }),
}, {
	name:    "moves whole tokens",
	caught:  []string{"move/fraction"},
	counter: losing(func(w *wider, k key, s *store.State) bool { s.Bucket.Part = 0; return true }),
}, {
	name:   "starts the clocks of buckets when they are moved",
	caught: []string{"move/fraction"},
	counter: losing(func(w *wider, k key, s *store.State) bool {
		s.Bucket.Last = time.Now().UnixMicro()
		return true
	}),
}, {
	name:    "moves no Last",
	caught:  []string{"move/taken"},
	counter: losing(func(w *wider, k key, s *store.State) bool { s.Window.Last = 0; return true }),
}, {
	name:   "moves what a window has used up to its Max",
	caught: []string{"move/taken"},
	counter: losing(func(w *wider, k key, s *store.State) bool {
		s.Window.Used = min(s.Window.Used, quota.Max)
		return true
	}),
}, {
	name:   "forgets after a day that a subject was moved",
	caught: []string{"move/long"},
	counter: closedFor(func(w *wider, c *store.Charge, subject string) bool {
		return instant(c).Sub(w.seen[subject]) < day
	}),
}, {
	name:   "lets a read of a closed subject through",
	caught: []string{"move/closed"},
	counter: closedFor(func(w *wider, c *store.Charge, subject string) bool {
		return !onlyReads(c) || len(c.Parts[0].Meters) == 0
	}),
}, {
	name:   "gives units back to a closed subject",
	caught: []string{"move/closed"},
	counter: closedFor(func(w *wider, c *store.Charge, subject string) bool {
		return len(c.Parts) > 1 || len(c.Parts[0].N) == 0 || c.Parts[0].N[0] >= 0
	}),
}, {
	name:    "sets what remains of a closed subject",
	caught:  []string{"move/closed"},
	counter: closedFor(func(w *wider, c *store.Charge, subject string) bool { return c.Op == store.Spend }),
}, {
	name:   "admits a charge without meters of a closed subject",
	caught: []string{"move/closed"},
	counter: closedFor(func(w *wider, c *store.Charge, subject string) bool {
		return len(c.Parts) > 1 || len(c.Parts[0].Meters) > 0
	}),
}, {
	name:   "looks only whether the first subject of a charge is closed",
	caught: []string{"move/closed"},
	counter: closedFor(func(w *wider, c *store.Charge, subject string) bool {
		return subject == c.Parts[0].Subject
	}),
}, {
	name:   "charges the other parts of a charge of a closed subject",
	caught: []string{"move/closed"},
	counter: func() store.Counter {
		return chargesOthers{newModel()}
	},
}, {
	name:   "returns an error of a closed subject that does not say that nothing was taken",
	caught: []string{"move/closed", "move/unknown", "move/back", "move/long"},
	counter: func() store.Counter {
		return barelyMoved{newModel()}
	},
}, {
	name:   "does not look in Peek whether a subject is closed",
	caught: []string{"move/closed"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level) error {
		o := &model{states: m.states, moved: map[string]string{}}
		return store.Peek(ctx, o, at, subjects, meters, levels)
	},
}, {
	name:   "does not look in TakeOne whether a subject is closed",
	caught: []string{"move/closed"},
	counter: func() store.Counter {
		return oneOpen{newModel()}
	},
}, {
	name:   "cannot repeat a Move",
	caught: []string{"move/repeated"},
	counter: moving(func(w *wider, c *store.Charge) error {
		if err := w.open(&store.Charge{Parts: c.Parts[:1]}); err != nil {
			return err
		}
		return w.move(c.Parts[0].Subject, c.Parts[1].Subject)
	}),
}, {
	name:   "moves nothing over the state again when a Move is repeated",
	caught: []string{"move/repeated"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		if w.open(&store.Charge{Parts: c.Parts[:1]}) != nil {
			w.mu.Lock()
			again := w.model.moved[from] == to
			for k := range w.states {
				if again && k.subject == to {
					delete(w.states, k)
				}
			}
			w.mu.Unlock()
		}
		return w.move(from, to)
	}),
}, {
	name:   "does not close a subject that has no state",
	caught: []string{"move/unknown", "move/elsewhere"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from := c.Parts[0].Subject
		known := false
		for k := range w.hold() {
			known = known || k.subject == from
		}
		if _, ok := w.model.moved[from]; !known && !ok && !w.isOld(from) {
			return nil
		}
		return w.move(from, c.Parts[1].Subject)
	}),
}, {
	name:   "writes over a subject that is in use",
	caught: []string{"move/used"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		w.mu.Lock()
		if _, ok := w.model.moved[from]; !ok {
			for k := range w.states {
				if k.subject == to {
					delete(w.states, k)
				}
			}
		}
		w.mu.Unlock()
		return w.move(from, to)
	}),
}, {
	name:   "closes a subject before it finds that the other one is in use",
	caught: []string{"move/used"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		err := w.move(from, to)
		w.mu.Lock()
		defer w.mu.Unlock()
		if _, ok := w.model.moved[from]; !ok && err != nil {
			w.model.moved[strings.Clone(from)] = strings.Clone(to)
		}
		return err
	}),
}, {
	name:   "leaves a subject closed that gets a state again",
	caught: []string{"move/back"},
	counter: moving(func(w *wider, c *store.Charge) error {
		w.mu.Lock()
		at, wasClosed := w.model.moved[c.Parts[1].Subject]
		w.mu.Unlock()
		err := w.move(c.Parts[0].Subject, c.Parts[1].Subject)
		w.mu.Lock()
		defer w.mu.Unlock()
		if wasClosed {
			w.model.moved[strings.Clone(c.Parts[1].Subject)] = at
		}
		return err
	}),
}, {
	name:   "refuses to move a subject back",
	caught: []string{"move/back"},
	counter: moving(func(w *wider, c *store.Charge) error {
		if err := w.open(&store.Charge{Parts: c.Parts[1:]}); err != nil {
			return err
		}
		return w.move(c.Parts[0].Subject, c.Parts[1].Subject)
	}),
}, {
	name:   "moves a closed subject elsewhere",
	caught: []string{"move/elsewhere"},
	counter: moving(func(w *wider, c *store.Charge) error {
		w.mu.Lock()
		if at, ok := w.model.moved[c.Parts[0].Subject]; ok && at != c.Parts[1].Subject {
			delete(w.model.moved, c.Parts[0].Subject)
		}
		w.mu.Unlock()
		return w.move(c.Parts[0].Subject, c.Parts[1].Subject)
	}),
}, {
	name:    "moves every subject whose name begins with that of the first",
	caught:  []string{"move/others"},
	counter: withPrefix(""),
}, {
	name:    "moves the whole family of a subject",
	caught:  []string{"move/others"},
	counter: withPrefix(">"),
}, {
	name:   "moves a subject onto itself",
	caught: []string{"move/invalid"},
	counter: mends(func(c *store.Charge) bool {
		return c.Op == store.Move && len(c.Parts) == 2 && c.Parts[0].Subject == c.Parts[1].Subject
	}, func(c *store.Charge) { c.Op = store.Spend; c.Parts = c.Parts[:1] }),
}, {
	name:   "does not look at the meters of a Move",
	caught: []string{"move/invalid"},
	counter: mends(func(c *store.Charge) bool { return c.Op == store.Move }, func(c *store.Charge) {
		for i := range c.Parts {
			c.Parts[i] = store.Part{Subject: c.Parts[i].Subject}
		}
	}),
}, {
	name:   "moves to the second of three subjects",
	caught: []string{"move/invalid"},
	counter: mends(func(c *store.Charge) bool { return c.Op == store.Move && len(c.Parts) == 3 }, func(c *store.Charge) {
		c.Parts = c.Parts[:2]
	}),
}, {
	name:   "copies a subject and closes it later",
	caught: []string{"race/move"},
	counter: moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		was := w.hold()
		wait()
		w.mu.Lock()
		for k := range w.states {
			if s, ok := was[k]; ok && k.subject == from {
				w.states[k] = s
			}
		}
		w.mu.Unlock()
		return w.move(from, to)
	}),
}, {
	name:   "lets a charge that was under way write to a subject that has moved",
	caught: []string{"race/move"},
	counter: widely(func(w *wider, c *store.Charge) error {
		wait()
		o := &model{states: w.states, moved: map[string]string{}}
		w.mu.Lock()
		defer w.mu.Unlock()
		o.take(c)
		return nil
	}),
}}

// losing makes a flawed counter that changes what a Move carries, or leaves it behind.
func losing(carries func(w *wider, k key, s *store.State) bool) func() store.Counter {
	return moving(func(w *wider, c *store.Charge) error {
		from := c.Parts[0].Subject
		was := w.hold()
		w.mu.Lock()
		kept := map[key]store.State{}
		for k, s := range was {
			if k.subject != from {
				continue
			}
			if carries(w, k, &s) {
				kept[k] = s
			}
		}
		for k := range was {
			if k.subject == from {
				delete(w.states, k)
			}
		}
		for k, s := range kept {
			w.states[k] = s
		}
		w.mu.Unlock()
		return w.move(from, c.Parts[1].Subject)
	})
}

// isOld reports whether another subject has moved to this one.
func (w *wider) isOld(subject string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, to := range w.model.moved {
		if to == subject {
			return true
		}
	}
	return false
}

// closedFor makes a flawed counter in which a closed subject fails some charges only. It
// charges the subject as if it had never been used.
func closedFor(fails func(w *wider, c *store.Charge, subject string) bool) func() store.Counter {
	return func() store.Counter {
		return opens{newWider(), fails}
	}
}

type opens struct {
	*wider
	fails func(w *wider, c *store.Charge, subject string) bool
}

func (o opens) Take(ctx context.Context, c *store.Charge) error {
	err := o.wider.Take(ctx, c)
	if c.Op == store.Move && err == nil {
		o.seen[strings.Clone(c.Parts[0].Subject)] = instant(c)
	}
	moved, ok := err.(*store.MovedError)
	if !ok || c.Op == store.Move || o.fails(o.wider, c, moved.Subject) {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	(&model{states: o.states, moved: map[string]string{}}).take(c)
	return nil
}

// chargesOthers is the model, but charges the open subjects of a charge before it finds one
// that is closed.
type chargesOthers struct{ *model }

func (o chargesOthers) Take(ctx context.Context, c *store.Charge) error {
	err := o.model.Take(ctx, c)
	if _, ok := err.(*store.MovedError); ok && c.Op != store.Move {
		for i := range c.Parts {
			if one := onePart(c, i); o.model.Take(ctx, one) != nil {
				break
			}
		}
	}
	return err
}

// barelyMoved is the model with a text for an error.
type barelyMoved struct{ *model }

func (b barelyMoved) Take(ctx context.Context, c *store.Charge) error {
	err := b.model.Take(ctx, c)
	if moved, ok := err.(*store.MovedError); ok && c.Op != store.Move {
		return fmt.Errorf("subject %q has moved to %q", moved.Subject, moved.To)
	}
	return err
}

// oneOpen is the model with a TakeOne that charges closed subjects.
type oneOpen struct{ *model }

func (o oneOpen) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	open := &model{states: o.states, moved: map[string]string{}}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := &store.Charge{At: at, Parts: []store.Part{store.NewPart(subject, n, *m)}}
	err := open.Take(ctx, c)
	return c.Parts[0].Levels[0], c.OK, err
}

// withPrefix makes a flawed counter that moves all states whose subject begins with the
// name of the first subject and a separator.
func withPrefix(separator string) func() store.Counter {
	return moving(func(w *wider, c *store.Charge) error {
		from, to := c.Parts[0].Subject, c.Parts[1].Subject
		if err := w.move(from, to); err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for k, s := range w.states {
			if rest, ok := strings.CutPrefix(k.subject, from+separator); ok && !strings.HasPrefix(k.subject, to) {
				delete(w.states, k)
				k.subject = to + separator + rest
				w.states[k] = s
			}
		}
		return nil
	})
}
