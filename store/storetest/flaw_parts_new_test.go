package storetest

import (
	"slices"

	"github.com/ration-go/ration/store"
)

var partNewFlaws = []flaw{{
	name:   "keeps the subjects that a refusal would have made",
	caught: []string{"parts/new"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		if !c.OK {
			w.makeBuckets(c, func(p *store.Part) bool { return true })
		}
		return err
	}),
}, {
	name:   "makes a subject for a part that only reads",
	caught: []string{"parts/new", "move/onto-untouched"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		if c.OK && c.Op == store.Spend {
			w.makeBuckets(c, func(p *store.Part) bool { return isZero(p.N) })
		}
		return err
	}),
}, {
	name:   "expects room for levels",
	caught: []string{"parts/no-levels"},
	counter: widely(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		meters(c, func(p *store.Part, i int) { p.Levels[i].Reset = max(0, p.Levels[i].Reset) })
		return err
	}),
}, {
	name:   "takes a part without levels for one that is not charged",
	caught: []string{"parts/no-levels"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			if o.Parts[i].Levels == nil {
				clear(o.Parts[i].N)
			}
		}
	}),
}, {
	name:   "takes a part without meters for the end of a charge",
	caught: []string{"parts/without-meters"},
	counter: alikeParts(func(o *store.Charge) {
		if end := slices.IndexFunc(o.Parts, func(p store.Part) bool { return len(p.Meters) == 0 }); end >= 0 {
			o.Parts = o.Parts[:end]
		}
	}),
}, {
	name:   "refuses a charge of several parts of which one has no meters",
	caught: []string{"parts/without-meters"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if slices.ContainsFunc(c.Parts, func(p store.Part) bool { return len(p.Meters) == 0 }) {
			o := clone(c)
			for i := range o.Parts {
				clear(o.Parts[i].N)
			}
			_ = w.decide(o)
			copyAnswer(c, o)
			c.OK = false
			return nil
		}
		return w.decide(c)
	}),
}, {
	name:    "drops a subject that is spent while the charge still writes to it",
	caught:  []string{"parts/spent"},
	counter: severally(dropsSpent),
}}

// makeBuckets stores the buckets that do not exist yet as full ones.
func (w *wider) makeBuckets(c *store.Charge, of func(p *store.Part) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	meters(c, func(p *store.Part, i int) {
		m, k := &p.Meters[i], keyOf(p, i)
		if _, ok := w.states[k]; !ok && !m.IsWindow() && m.Max > 0 && of(p) {
			w.states[owned(k)] = store.State{Bucket: store.Bucket{Tokens: m.Max, Per: max(m.Rate.Per, 1), Last: instant(c).UnixMicro()}}
		}
	})
}

// dropsSpent loses what a charge takes from buckets that were full again, if the charge
// also makes a subject.
func dropsSpent(w *wider, c *store.Charge) error {
	was := w.statesOf(c)
	makes := slices.ContainsFunc(c.Parts, func(p store.Part) bool {
		return !isZero(p.N) && !slices.ContainsFunc(p.Meters, func(m store.Meter) bool {
			_, ok := was[key{p.Subject, m.Name, m.IsWindow(), m.Start}]
			return ok
		})
	})
	err := w.decide(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	meters(c, func(p *store.Part, i int) {
		m, k := &p.Meters[i], keyOf(p, i)
		if s, ok := was[k]; ok && makes && c.OK && !m.IsWindow() && m.Max > 0 && s.Bucket.Tokens < m.Max && s.Bucket.FullAt(m) <= instant(c).UnixMicro() {
			delete(w.states, k)
		}
	})
	return err
}
