package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var closedFlaws = []flaw{{
	name:   "forgets after a day that a subject was moved",
	caught: []string{"move/long", "move/ahead"},
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
	caught: []string{"move/closed", "move/first-closed"},
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
	caught: []string{"move/closed", "move/unknown", "move/back", "move/long", "move/first-closed", "move/nothing-back", "move/ahead"},
	counter: func() store.Counter {
		return barelyMoved{newModel()}
	},
}, {
	name:   "does not look in Peek whether a subject is closed",
	caught: []string{"move/closed"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		o := &model{states: m.states, moved: map[string]string{}}
		return store.Peek(ctx, o, at, subjects, meters, levels, last)
	},
}, {
	name:   "does not look in TakeOne whether a subject is closed",
	caught: []string{"move/closed"},
	counter: func() store.Counter {
		return oneOpen{newModel()}
	},
}}

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

// chargesOthers is the model, but charges the open subjects of a charge before it finds
// one that is closed.
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
