package storetest

import (
	"strings"

	"github.com/ration-go/ration/store"
)

var familyFlaws = []flaw{{
	name:   "takes the family for the subject",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			o.Parts[i].Subject = store.Family(o.Parts[i].Subject)
		}
	}),
}, {
	name:   "trims the '>' of a subject",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			o.Parts[i].Subject = strings.TrimRight(o.Parts[i].Subject, ">")
		}
	}),
}, {
	name:   "cuts a subject at its second '>'",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			if family, rest, ok := strings.Cut(o.Parts[i].Subject, ">"); ok {
				rest, _, _ = strings.Cut(rest, ">")
				o.Parts[i].Subject = family + ">" + rest
			}
		}
	}),
}, {
	name:   "names a subject by what follows its family",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			if _, rest, ok := strings.Cut(o.Parts[i].Subject, ">"); ok {
				o.Parts[i].Subject = ">" + rest
			}
		}
	}),
}, {
	name:   "takes what precedes the last '>' for the family",
	caught: []string{"parts/one-name"},
	counter: severally(func(w *wider, c *store.Charge) error {
		family := func(subject string) string {
			if i := strings.LastIndexByte(subject, '>'); i >= 0 {
				return subject[:i]
			}
			return subject
		}
		for i := range c.Parts {
			if family(c.Parts[i].Subject) != family(c.Parts[0].Subject) {
				return apart()
			}
		}
		return w.decide(c)
	}),
}, {
	name:    "decides subjects of one family in one step only if they are in one slot",
	caught:  []string{"parts/all"},
	counter: severally(func(w *wider, c *store.Charge) error { return apart() }),
}, {
	name:   "charges the first family before it finds that another is elsewhere",
	caught: []string{"parts/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if oneFamily(c) {
			return w.decide(c)
		}
		w.take(onePart(c, 0))
		return apart()
	}),
}, {
	name:   "says that families are apart, but not that nothing was taken",
	caught: []string{"parts/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if oneFamily(c) {
			return w.decide(c)
		}
		return store.ErrApart
	}),
}, {
	name:   "decides families one after the other",
	caught: []string{"race/families", "parts/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if oneFamily(c) {
			return w.decide(c)
		}
		c.OK = true
		for i := range c.Parts {
			o := onePart(c, i)
			w.take(o)
			copy(c.Parts[i].Levels, o.Parts[0].Levels)
			c.OK = c.OK && o.OK
			wait()
		}
		return nil
	}),
}, {
	name:   "locks the families in the order of the charge",
	caught: []string{"race/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		var families []string
		for _, subject := range subjects(c) {
			families = append(families, store.Family(subject))
		}
		if oneFamily(c) {
			families = families[:1]
		}
		return w.under(c, families, w.take)
	}),
}}
