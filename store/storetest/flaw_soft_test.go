package storetest

import (
	"slices"

	"github.com/ration-go/ration/store"
)

var softFlaws = []flaw{{
	name:   "refuses by soft meters",
	caught: []string{"soft/window"},
	counter: alike(func(o *store.Charge) {
		meters(o, func(p *store.Part, i int) { p.Meters[i].Soft = false })
	}),
}, {
	name:   "lets a soft window stop at its Max",
	caught: []string{"soft/window", "soft/tighter", "soft/switch", "soft/most", "move/taken"},
	counter: softly(func(w *wider, p *store.Part, i int, was, is *store.State) {
		if m := &p.Meters[i]; m.IsWindow() {
			is.Window.Used = min(is.Window.Used, max(was.Window.Used, m.Max))
		}
	}),
}, {
	name:   "does not count a charge that a soft window has no room for",
	caught: []string{"soft/window", "soft/tighter", "soft/switch", "soft/most", "move/taken"},
	counter: softly(func(w *wider, p *store.Part, i int, was, is *store.State) {
		if m := &p.Meters[i]; m.IsWindow() {
			*is = *was
		}
	}),
}, {
	name:   "lets a read of a window above its Max wait",
	caught: []string{"soft/window"},
	counter: widely(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		meters(c, func(p *store.Part, i int) {
			if l := p.Levels; l != nil && p.N[i] == 0 && c.Op == store.Spend && c.OK && p.Meters[i].Soft && l[i].Used > l[i].Max {
				l[i].Wait = l[i].Reset
			}
		})
		return err
	}),
}, {
	name:   "lets a soft bucket give its last tokens",
	caught: []string{"soft/bucket", "soft/switch"},
	counter: softly(func(w *wider, p *store.Part, i int, was, is *store.State) {
		if !p.Meters[i].IsWindow() {
			is.Bucket.Tokens = 0
		}
	}),
}, {
	name:   "lets a soft bucket owe tokens",
	caught: []string{"soft/bucket", "soft/switch"},
	counter: softly(func(w *wider, p *store.Part, i int, was, is *store.State) {
		if !p.Meters[i].IsWindow() {
			is.Bucket.Tokens -= p.N[i]
		}
	}),
}, {
	name:   "refuses by a soft bucket whose Max is zero",
	caught: []string{"soft/bucket"},
	counter: alike(func(o *store.Charge) {
		meters(o, func(p *store.Part, i int) {
			if m := &p.Meters[i]; !m.IsWindow() && m.Max == 0 {
				m.Soft = false
			}
		})
	}),
}, {
	name:    "charges soft meters beside a refusal",
	caught:  []string{"soft/beside"},
	counter: besideRefusal(func(c *store.Charge, p *store.Part, i int) bool { return true }),
}, {
	name:   "charges the soft meters of the other parts of a refusal",
	caught: []string{"soft/beside"},
	counter: besideRefusal(func(c *store.Charge, p *store.Part, i int) bool {
		return !slices.ContainsFunc(p.Meters, func(m store.Meter) bool { return !m.Soft })
	}),
}, {
	name:   "reports no Wait of a soft meter",
	caught: []string{"soft/window"},
	counter: widely(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		meters(c, func(p *store.Part, i int) {
			if p.Levels != nil && p.Meters[i].Soft {
				p.Levels[i].Wait = 0
			}
		})
		return err
	}),
}, {
	name:   "reports no Wait of a soft meter if the charge is admitted by a hard one",
	caught: []string{"soft/tighter"},
	counter: besideHard(func(p *store.Part, i int, l *store.Level) {
		if p.Meters[i].Soft {
			l.Wait = 0
		}
	}),
}, {
	name:   "lets a hard meter wait for a soft one",
	caught: []string{"soft/tighter"},
	counter: besideHard(func(p *store.Part, i int, l *store.Level) {
		for j := range p.Meters {
			l.Wait = max(l.Wait, p.Levels[j].Wait)
		}
	}),
}, {
	name:    "keeps in the state of a window that it is soft",
	caught:  []string{"soft/switch", "soft/window"},
	counter: keepsSoft(true),
}, {
	name:    "keeps in the state of a window that it is hard",
	caught:  []string{"soft/switch"},
	counter: keepsSoft(false),
}, {
	name:   "has other states for soft meters",
	caught: []string{"soft/switch", "soft/window", "soft/bucket", "soft/beside", "move/taken"},
	counter: alike(func(o *store.Charge) {
		meters(o, func(p *store.Part, i int) {
			if p.Meters[i].Soft {
				p.Meters[i].Name += " (soft)"
			}
		})
	}),
}, {
	name:   "forgets what exceeds the Max when SetRemaining extends a window",
	caught: []string{"soft/switch", "set/settled"},
	counter: widely(func(w *wider, c *store.Charge) error {
		if c.Op != store.SetRemaining {
			return w.decide(c)
		}
		w.mu.Lock()
		meters(c, func(p *store.Part, i int) {
			if s, ok := w.states[keyOf(p, i)]; ok && s.Window.Extra == 0 && s.Window.Used > p.Meters[i].Max && p.Meters[i].Max == quota.Max {
				s.Window.Used = p.Meters[i].Max
				w.states[owned(keyOf(p, i))] = s
			}
		})
		w.mu.Unlock()
		return w.decide(c)
	}),
}, {
	name:   "does not count what would exceed 2^53-1",
	caught: []string{"soft/most"},
	counter: softly(func(w *wider, p *store.Part, i int, was, is *store.State) {
		if p.Meters[i].IsWindow() && p.N[i] > store.MaxUnits-was.Window.Used {
			*is = *was
		}
	}),
}, {
	name:   "refuses a soft window that would exceed 2^53-1",
	caught: []string{"soft/most"},
	counter: widely(func(w *wider, c *store.Charge) error {
		was := w.statesOf(c)
		return w.as(c, func(o *store.Charge) {
			meters(o, func(p *store.Part, i int) {
				if p.Meters[i].IsWindow() && p.N[i] > store.MaxUnits-was[keyOf(p, i)].Window.Used {
					p.Meters[i].Soft = false
				}
			})
		})
	}),
}}

// softly makes a flawed counter that changes the states of the soft meters that a charge
// does not fit.
func softly(change func(w *wider, p *store.Part, i int, was, is *store.State)) func() store.Counter {
	return widely(func(w *wider, c *store.Charge) error {
		was := w.statesOf(c)
		o := withLevels(c)
		err := w.decide(o)
		copyAnswer(c, o)
		if err != nil || !o.OK || o.Op != store.Spend {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		meters(o, func(p *store.Part, i int) {
			if !p.Meters[i].Soft || p.Levels[i].Wait == 0 {
				return
			}
			k := owned(keyOf(p, i))
			before, is := was[k], w.states[k]
			change(w, p, i, &before, &is)
			w.states[k] = is
		})
		showStates(w, c, o)
		return nil
	})
}

// showStates gives an admitted charge the Used of the states as they are. The model is
// locked.
func showStates(w *wider, c, o *store.Charge) {
	for p := range c.Parts {
		for i := range c.Parts[p].Levels {
			m, s := &c.Parts[p].Meters[i], w.states[keyOf(&o.Parts[p], i)]
			if m.Soft && m.IsWindow() {
				c.Parts[p].Levels[i].Used = s.Window.Used
			} else if m.Soft && o.Parts[p].Levels[i].Wait > 0 && s.Bucket.Per > 0 {
				c.Parts[p].Levels[i].Used = m.Max - s.Bucket.Tokens
			}
		}
	}
}

// besideRefusal makes a flawed counter that charges some soft meters of a refused charge.
func besideRefusal(which func(c *store.Charge, p *store.Part, i int) bool) func() store.Counter {
	return widely(func(w *wider, c *store.Charge) error {
		if err := w.decide(c); err != nil || c.OK {
			return err
		}
		o := withLevels(c)
		any := false
		meters(o, func(p *store.Part, i int) {
			if p.Meters[i].Soft && which(o, p, i) {
				any = true
			} else {
				p.N[i] = 0
			}
		})
		if any {
			w.take(o)
		}
		return nil
	})
}

// besideHard makes a flawed counter that changes the levels of an admitted charge of a
// part that has both soft and hard meters.
func besideHard(change func(p *store.Part, i int, l *store.Level)) func() store.Counter {
	return widely(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		for j := range c.Parts {
			p := &c.Parts[j]
			hard := slices.ContainsFunc(p.Meters, func(m store.Meter) bool { return !m.Soft })
			if hard && p.Levels != nil && c.OK && slices.ContainsFunc(p.Meters, func(m store.Meter) bool { return m.Soft }) {
				for i := range p.Meters {
					change(p, i, &p.Levels[i])
				}
			}
		}
		return err
	})
}

// keepsSoft makes a flawed counter in which the first charge of a window says whether the
// window is soft.
func keepsSoft(soft bool) func() store.Counter {
	return widely(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			w.one.Lock()
			defer w.one.Unlock()
			meters(o, func(p *store.Part, i int) {
				m, k := &p.Meters[i], owned(keyOf(p, i))
				if _, ok := w.limits[k]; !ok && m.IsWindow() && m.Soft == soft && p.N[i] > 0 {
					w.limits[k] = 1
				}
				if w.limits[k] == 1 && p.N[i] > 0 {
					m.Soft = soft
				}
			})
		})
	})
}
