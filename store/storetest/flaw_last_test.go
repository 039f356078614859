package storetest

import (
	"context"
	"time"

	"github.com/ration-go/ration/store"
)

var lastFlaws = []flaw{{
	name:   "Peek tells no Last",
	caught: []string{"peek/last"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		err := store.Peek(ctx, m, at, subjects, meters, levels, last)
		clear(last)
		return err
	},
}, {
	name:   "Peek tells the Last of the first subject",
	caught: []string{"peek/last"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		err := store.Peek(ctx, m, at, subjects, meters, levels, last)
		for i := range last {
			last[i] = last[i%len(meters)]
		}
		return err
	},
}, {

	name:    "reports no Last",
	caught:  []string{"last/minute"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) { is.Last = 0 }),
}, {
	name:   "rounds Last to the nearest minute",
	caught: []string{"last/minute"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		if c.OK && p.N[i] > 0 && c.Op == store.Spend && instant(c).Add(30*time.Second).Minute() != instant(c).Minute() && is.Last < was.Last+9 {
			is.Last++
		}
	}),
}, {
	name:    "counts the minutes of Last from 1970",
	caught:  []string{"last/minute"},
	counter: ofSpan(func(c *store.Charge, m *store.Meter, last int64) int64 { return instant(c).Unix()/60%store.MaxLast + 1 }),
}, {
	name:   "counts Last in seconds",
	caught: []string{"last/minute"},
	counter: ofSpan(func(c *store.Charge, m *store.Meter, last int64) int64 {
		return min(instant(c).Unix()-m.Start+1, store.MaxLast)
	}),
}, {
	name:    "counts Last from zero",
	caught:  []string{"last/minute"},
	counter: ofSpan(func(c *store.Charge, m *store.Meter, last int64) int64 { return last - 1 }),
}, {
	name:    "moves Last for a read",
	caught:  []string{"last/taken"},
	counter: moved(func(c *store.Charge, n int64) bool { return c.Op == store.Spend && n == 0 && c.OK }),
}, {
	name:    "moves Last for a refusal",
	caught:  []string{"last/taken"},
	counter: moved(func(c *store.Charge, n int64) bool { return !c.OK && n > 0 }),
}, {
	name:    "moves Last for a refund",
	caught:  []string{"last/taken", "last/back-to-zero"},
	counter: moved(func(c *store.Charge, n int64) bool { return c.OK && c.Op == store.Spend && n < 0 }),
}, {
	name:    "moves Last for SetRemaining",
	caught:  []string{"last/taken"},
	counter: moved(func(c *store.Charge, n int64) bool { return c.Op == store.SetRemaining }),
}, {
	name:   "loses Last when everything is given back",
	caught: []string{"last/back-to-zero"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		if is.Used == 0 {
			is.Last = 0
		}
	}),
}, {
	name:   "moves Last back with the clock of a caller",
	caught: []string{"last/back"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		if c.OK && c.Op == store.Spend && p.N[i] > 0 {
			is.Last = spanAt(c, &p.Meters[i])
		}
	}),
}, {
	name:   "counts a charge before a window from its start",
	caught: []string{"last/around"},
	counter: ofSpan(func(c *store.Charge, m *store.Meter, last int64) int64 {
		if at := instant(c).Unix(); at < m.Start {
			return max(0, (at-m.Start)/60+1)
		}
		return last
	}),
}, {
	name:   "counts on after the end of a window",
	caught: []string{"last/around", "last/long"},
	counter: ofSpan(func(c *store.Charge, m *store.Meter, last int64) int64 {
		if at := instant(c).Unix(); at >= m.End {
			return min((at-m.Start)/60+1, store.MaxLast)
		}
		return last
	}),
}, {
	name:   "counts minutes of a window of any length",
	caught: []string{"last/long", "peek/last"},
	counter: ofSpan(func(c *store.Charge, m *store.Meter, last int64) int64 {
		if at := instant(c).Unix(); at >= m.Start && at < m.End {
			return min((at-m.Start)/60+1, store.MaxLast)
		}
		return last
	}),
}, {
	name:   "counts Last in 1024ths of a long window",
	caught: []string{"last/long"},
	counter: ofSpan(func(c *store.Charge, m *store.Meter, last int64) int64 {
		if m.End-m.Start > 2047*60 && instant(c).Unix() >= m.Start {
			return min((instant(c).Unix()-m.Start)*1024/(m.End-m.Start)+1, store.MaxLast)
		}
		return last
	}),
}, {
	name:   "loses Last when another window begins",
	caught: []string{"last/ended"},
	counter: widely(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		w.mu.Lock()
		defer w.mu.Unlock()
		meters(c, func(p *store.Part, i int) {
			for k, s := range w.states {
				if c.OK && p.N[i] > 0 && k.window && k.subject == p.Subject && k.name == p.Meters[i].Name && k.start < p.Meters[i].Start {
					s.Window.Last = 0
					w.states[k] = s
				}
			}
		})
		return err
	}),
}, {
	name:   "has one Last for all windows of a name",
	caught: []string{"last/ended"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		for k, s := range w.states {
			if k.window && k.subject == p.Subject && k.name == p.Meters[i].Name && k.start < p.Meters[i].Start && c.OK && p.N[i] > 0 {
				s.Window.Last = max(s.Window.Last, is.Last)
				w.states[k] = s
			}
		}
	}),
}, {
	name:   "gives every window of a charge the Last of those that take units",
	caught: []string{"last/part"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		if c.OK && c.Op == store.Spend && p.N[i] == 0 && !isZero(p.N) {
			is.Last = max(is.Last, spanAt(c, &p.Meters[i]))
		}
	}),
}, {
	name:   "keeps the Last of the first part only",
	caught: []string{"last/part"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		if p != &c.Parts[0] {
			is.Last = was.Last
		}
	}),
}, {
	name:   "has one Last for all subjects",
	caught: []string{"last/taken", "peek/last"},
	counter: lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		for k, s := range w.states {
			if k.window && k.name == p.Meters[i].Name && k.start == p.Meters[i].Start && is.Last > 0 {
				is.Last = max(is.Last, s.Window.Last)
			}
		}
	}),
}}

// lasting makes a flawed counter that changes the windows of each charge that it has
// decided, also of one that was refused.
func lasting(change func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window)) func() store.Counter {
	return widely(func(w *wider, c *store.Charge) error {
		held := w.statesOf(c)
		if err := w.decide(c); err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		meters(c, func(p *store.Part, i int) {
			k := keyOf(p, i)
			s, ok := w.states[k]
			if !k.window || !ok {
				return
			}
			was := held[k].Window
			change(w, c, p, i, &was, &s.Window)
			w.states[owned(k)] = s
			if p.Last != nil {
				p.Last[i] = s.Window.Last
			}
		})
		return nil
	})
}

// spanAt returns the span of m at the instant of c.
func spanAt(c *store.Charge, m *store.Meter) int64 { return m.SpanAt(instant(c).UnixMicro()) }

// ofSpan makes a flawed counter that numbers the spans of windows in another way.
func ofSpan(number func(c *store.Charge, m *store.Meter, last int64) int64) func() store.Counter {
	return lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		if c.OK && c.Op == store.Spend && p.N[i] > 0 {
			is.Last = max(was.Last, number(c, &p.Meters[i], spanAt(c, &p.Meters[i])))
		}
	})
}

// moved makes a flawed counter that moves Last for charges that do not take units.
func moved(which func(c *store.Charge, n int64) bool) func() store.Counter {
	return lasting(func(w *wider, c *store.Charge, p *store.Part, i int, was, is *store.Window) {
		if which(c, p.N[i]) {
			is.Last = max(is.Last, spanAt(c, &p.Meters[i]))
		}
	})
}
