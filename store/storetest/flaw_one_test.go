package storetest

import (
	"context"
	"time"

	"github.com/ration-go/ration/store"
)

var oneFlaws = []flaw{{
	name:   "TakeOne that takes what does not fit",
	caught: []string{"one/as-take"},
	one: func(m *model, c *store.Charge) {
		if m.take(c); !c.OK && c.N[0] <= c.Meters[0].Max {
			c.SetRemaining, c.N[0] = true, 0
			m.take(c)
		}
	},
}, {
	name:   "TakeOne that takes when it reads",
	caught: []string{"one/as-take", "one/among-others"},
	one: func(m *model, c *store.Charge) {
		c.N[0] = max(c.N[0], 1)
		m.take(c)
	},
}, {
	name:   "TakeOne of another bucket than Take's",
	caught: []string{"one/among-others"},
	one: func(m *model, c *store.Charge) {
		c.Subject += ", alone"
		m.take(c)
	},
}, {
	name:   "TakeOne that looks neither at ctx nor at what it is given",
	caught: []string{"one/call"},
	one:    func(m *model, c *store.Charge) { m.take(c) },
}}

// taking is the model with a TakeOne of its own.
type taking struct {
	*model
	one func(m *model, c *store.Charge)
}

func (t taking) TakeOne(_ context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{Subject: subject, At: at, Meters: []store.Meter{*m}, N: [store.MaxMeters]int64{n}}
	t.one(t.model, c)
	return c.Levels[0], c.OK, nil
}
