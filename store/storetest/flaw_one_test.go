package storetest

import (
	"context"
	"time"

	"github.com/ration-go/ration/store"
)

var oneFlaws = []flaw{{
	name:   "TakeOne that ignores the limit",
	caught: []string{"one/as-take"},
	one: func(m *model, c *store.Charge) {
		if m.take(c); !c.OK && c.Parts[0].N[0] <= c.Parts[0].Meters[0].Max {
			c.Op, c.Parts[0].N[0] = store.SetRemaining, 0
			m.take(c)
		}
	},
}, {
	name:   "TakeOne that charges a read",
	caught: []string{"one/as-take", "one/among-others"},
	one: func(m *model, c *store.Charge) {
		c.Parts[0].N[0] = max(c.Parts[0].N[0], 1)
		m.take(c)
	},
}, {
	name:   "TakeOne that charges another bucket than Take",
	caught: []string{"one/among-others"},
	one: func(m *model, c *store.Charge) {
		c.Parts[0].Subject += ", rejectsConcurrent"
		m.take(c)
	},
}, {
	name:   "TakeOne without checks",
	caught: []string{"one/call"},
	one:    func(m *model, c *store.Charge) { m.take(c) },
}}

// taking is the model with another TakeOne.
type taking struct {
	*model
	one func(m *model, c *store.Charge)
}

func (t taking) TakeOne(_ context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{At: at, Parts: []store.Part{{Subject: subject, Meters: []store.Meter{*m}, N: []int64{n}, Levels: make([]store.Level, 1)}}}
	t.one(t.model, c)
	return c.Parts[0].Levels[0], c.OK, nil
}
