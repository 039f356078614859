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
		if m.take(c); !c.OK && c.N[0] <= c.Meters[0].Max {
			c.SetRemaining, c.N[0] = true, 0
			m.take(c)
		}
	},
}, {
	name:   "TakeOne that charges a read",
	caught: []string{"one/as-take", "one/among-others"},
	one: func(m *model, c *store.Charge) {
		c.N[0] = max(c.N[0], 1)
		m.take(c)
	},
}, {
	name:   "TakeOne that charges another bucket than Take",
	caught: []string{"one/among-others"},
	one: func(m *model, c *store.Charge) {
		c.Subject += ", rejectsConcurrent"
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
	c := &store.Charge{Subject: subject, At: at, Meters: []store.Meter{*m}, N: [store.MaxMeters]int64{n}}
	t.one(t.model, c)
	return c.Levels[0], c.OK, nil
}
