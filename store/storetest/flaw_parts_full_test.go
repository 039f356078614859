package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/ration-go/ration/store"
)

var partFullFlaws = []flaw{{
	name:   "makes the subjects of a charge one after the other, until it is full",
	caught: []string{"full/several"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		for i := range c.Parts {
			if err := b.Take(ctx, onePart(c, i)); err != nil {
				return err
			}
		}
		return b.Take(ctx, reading(c))
	}),
}, {
	name:   "charges the subjects that it has, though there is no room for another",
	caught: []string{"full/several"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		err := b.Take(ctx, c)
		for i := range c.Parts {
			if _, ok := b.due[c.Parts[i].Subject]; ok && err != nil {
				b.take(onePart(c, i))
			}
		}
		return err
	}),
}, {
	name:   "leaves out the subjects for which there is no room",
	caught: []string{"full/several", "full/part-read", "full/moved"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		if err := b.Take(ctx, c); err == nil {
			return nil
		}
		o := clone(c)
		for i := range o.Parts {
			if _, ok := b.due[c.Parts[i].Subject]; !ok {
				clear(o.Parts[i].N)
			}
		}
		return b.Take(ctx, o)
	}),
}, {
	name:   "looks for room for one new subject of a charge",
	caught: []string{"full/several"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		if len(b.due) < b.room {
			b.room += 3
			defer func() { b.room -= 3 }()
		}
		return b.Take(ctx, c)
	}),
}, {
	name:   "takes up room for new subjects of a charge that finds too little",
	caught: []string{"full/several"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		err := b.Take(ctx, c)
		if err != nil && len(b.due) < b.room {
			b.room = len(b.due)
		}
		return err
	}),
}, {
	name:   "needs room for a part that only reads",
	caught: []string{"full/part-read"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		for i := range c.Parts {
			if _, ok := b.due[c.Parts[i].Subject]; !ok && len(b.due) == b.room && isZero(c.Parts[i].N) {
				return fmt.Errorf("%w, %w", store.ErrFull, store.ErrNotTaken)
			}
		}
		return b.Take(ctx, c)
	}),
}, {
	name:   "makes room by forgetting another part of the same charge",
	caught: []string{"full/own-part"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		spent := ""
		for i := range c.Parts {
			if due, ok := b.due[c.Parts[i].Subject]; ok && !due.After(c.At) {
				spent = c.Parts[i].Subject
			}
		}
		full := len(b.due) == b.room
		err := b.Take(ctx, c)
		if err == nil && spent != "" && full {
			b.lose(spent)
		}
		return err
	}),
}, {
	name:   "never drops a subject for a charge that has one which could go",
	caught: []string{"full/own-part"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		for i := range c.Parts {
			if due, ok := b.due[c.Parts[i].Subject]; ok && !due.After(c.At) && len(b.due) == b.room && c.Op == store.Spend && b.hasNewcomer(c) {
				return fmt.Errorf("%w, %w", store.ErrFull, store.ErrNotTaken)
			}
		}
		return b.Take(ctx, c)
	}),
}, {
	name:   "makes room by forgetting that a subject is closed",
	caught: []string{"full/moved"},
	open: fullWith(func(b *bounded, ctx context.Context, c *store.Charge) error {
		err := b.Take(ctx, c)
		if err != nil {
			clear(b.moved)
		}
		return err
	}),
}}

// fullWith returns harnesses of a counter with little room and another Take of several
// parts.
func fullWith(take func(b *bounded, ctx context.Context, c *store.Charge) error) func() Harness {
	return func() Harness {
		h := inFull(func(*bounded) {})()
		full := h.Full
		h.Full = func(tb testing.TB) store.Counter { return fullParts{full(tb).(*bounded), take} }
		return h
	}
}

type fullParts struct {
	*bounded
	take func(b *bounded, ctx context.Context, c *store.Charge) error
}

func (f fullParts) Take(ctx context.Context, c *store.Charge) error {
	if len(c.Parts) == 1 || c.Op == store.Move || ctx.Err() != nil || c.Check() != nil {
		return f.bounded.Take(ctx, c)
	}
	return f.take(f.bounded, ctx, c)
}

// reading returns a charge that only reads what c charges.
func reading(c *store.Charge) *store.Charge {
	for i := range c.Parts {
		clear(c.Parts[i].N)
	}
	return c
}

// hasNewcomer reports whether c charges a subject that b does not have.
func (b *bounded) hasNewcomer(c *store.Charge) bool {
	for i := range c.Parts {
		if _, ok := b.due[c.Parts[i].Subject]; !ok && b.writes(c, &c.Parts[i]) {
			return true
		}
	}
	return false
}
