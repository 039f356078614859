package storetest

import (
	"context"

	"github.com/ration-go/ration/store"
)

var partInvalidFlaws = []flaw{{
	name:    "takes an Op that it does not know for Spend",
	caught:  []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return c.Op > store.Move }, func(c *store.Charge) { c.Op = store.Spend }),
}, {
	name:   "does not look at the Kind of a meter",
	caught: []string{"parts/invalid", "call/invalid", "peek/invalid", "one/call"},
	counter: mends(func(c *store.Charge) bool { return true }, func(c *store.Charge) {
		meters(c, func(p *store.Part, i int) { p.Meters[i].Kind = store.Plain })
	}),
}, {
	name:   "decides any number of parts",
	caught: []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return len(c.Parts) > store.MaxParts }, func(c *store.Charge) {
		c.Parts = c.Parts[:store.MaxParts]
	}),
}, {
	name:   "admits a charge of no parts",
	caught: []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return len(c.Parts) == 0 }, func(c *store.Charge) {
		c.Parts = []store.Part{{Subject: "nobody"}}
	}),
}, {
	name:   "charges a subject that is there twice once",
	caught: []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return len(c.Parts) == 3 && c.Parts[0].Subject == c.Parts[2].Subject }, func(c *store.Charge) {
		c.Parts = c.Parts[:2]
	}),
}}

// mends makes a flawed counter that mends some charges instead of refusing them.
func mends(which func(c *store.Charge) bool, mend func(c *store.Charge)) func() store.Counter {
	return func() store.Counter { return mending{newModel(), which, mend} }
}

type mending struct {
	*model
	which func(c *store.Charge) bool
	mend  func(c *store.Charge)
}

func (m mending) Take(ctx context.Context, c *store.Charge) error {
	if !m.which(c) {
		return m.model.Take(ctx, c)
	}
	o := clone(c)
	m.mend(o)
	err := m.model.Take(ctx, o)
	copyAnswer(c, o)
	return err
}
