package storetest

import (
	"strings"

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
	name:   "cannot repeat a Move",
	caught: []string{"move/repeated", "move/ok"},
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
	caught: []string{"move/unknown", "move/first-closed", "move/nothing-onto-used", "move/nothing-back"},
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
	caught: []string{"move/used", "move/nothing-onto-used"},
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
	caught: []string{"move/used", "move/nothing-onto-used"},
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
	caught: []string{"move/back", "move/nothing-back"},
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
	caught: []string{"move/back", "move/nothing-back"},
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
