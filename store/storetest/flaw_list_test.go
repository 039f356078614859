package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

var listFlaws = []flaw{{
	name:   "TakeList that ignores the limits",
	caught: []string{"list/as-take", "list/figures"},
	counter: listing(func(l *lister, c *store.Charge) bool {
		if l.take(c); !c.OK {
			c.Op, c.OK = store.SetRemaining, true
			clear(c.Parts[0].N)
			l.take(c)
		}
		return true
	}),
}, {
	name:   "TakeList that recognizes a list by the names in it",
	caught: []string{"list/as-take", "list/figures"},
	counter: listing(func(l *lister, c *store.Charge) bool {
		id := c.Parts[0].Subject
		for _, m := range c.Parts[0].Meters {
			id += " " + m.Name
		}
		if l.known[id] == nil {
			l.known[id] = c.Parts[0].Meters
		}
		meters := c.Parts[0].Meters
		c.Parts[0].Meters = l.known[id]
		l.take(c)
		c.Parts[0].Meters = meters
		return true
	}),
}, {
	name:   "TakeList that trusts the place",
	caught: []string{"list/place"},
	counter: listing(func(l *lister, c *store.Charge) bool {
		if i := c.Parts[0].Place; i > 0 && i <= uint64(len(l.subjects)) {
			c.Parts[0].Subject = l.subjects[i-1]
		}
		l.take(c)
		return true
	}),
}, {
	name:   "TakeList that looks at no ctx",
	caught: []string{"list/ctx"},
	counter: func() store.Counter {
		return &lister{model: newModel(), patient: true, flaw: func(l *lister, c *store.Charge) bool { l.take(c); return true }}
	},
}, {
	name:   "TakeList that charges and says that it did not decide",
	caught: []string{"list/as-take"},
	counter: listing(func(l *lister, c *store.Charge) bool {
		if l.take(c); c.OK {
			return len(c.Parts[0].N) > 1 || c.Parts[0].N[0]%3 > 0
		}
		return true
	}),
}}

// lister is the model with another TakeList.
type lister struct {
	*model
	flaw     func(l *lister, c *store.Charge) (decided bool)
	patient  bool // ignores ctx
	known    map[string][]store.Meter
	subjects []string
}

func listing(flaw func(l *lister, c *store.Charge) bool) func() store.Counter {
	return func() store.Counter {
		return &lister{model: newModel(), flaw: flaw, known: map[string][]store.Meter{}}
	}
}

// Take is that of the model, and gives each subject a place. TakeList decides about
// subjects that have one.
func (l *lister) Take(ctx context.Context, c *store.Charge) error {
	err := l.model.Take(ctx, c)
	l.subjects = append(l.subjects, c.Parts[0].Subject)
	c.Parts[0].Place = uint64(len(l.subjects))
	return err
}

// TakeList implements store.ListTaker with the flaw.
func (l *lister) TakeList(ctx context.Context, subject string, place uint64, list *store.MeterList, at time.Time, since time.Duration, n []int64) (s store.Standing, ok, decided bool) {
	if ctx.Err() != nil && !l.patient || isZero(n) || !slices.Contains(l.subjects, subject) {
		return s, false, false
	}
	c := &store.Charge{At: at.Add(since), Parts: []store.Part{store.NewPart(subject, 0, list.Meters()...)}}
	copy(c.Parts[0].N, n)
	c.Parts[0].Place = place
	if c.Check() != nil || !l.flaw(l, c) {
		return s, false, false
	}
	s.At, s.Now = c.At.UnixMicro(), l.now(c.At)
	for i := range list.Meters() {
		m := &list.Meters()[i]
		st, cell := l.states[key{subject: c.Parts[0].Subject, name: m.Name, start: m.Start, window: m.IsWindow()}], list.Cell(i)
		if m.IsWindow() {
			s.Cells[cell] = st.Window.Used
			continue
		}
		b, _, _ := st.Bucket.Take(m, s.Now, 0)
		s.Cells[cell], s.Cells[cell+1], s.Cells[cell+2] = b.Tokens, b.Part, b.Last
	}
	return s, c.OK, true
}
