package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ration-go/ration/store"
)

// dumping is the model as a Dumper, with a flaw.
type dumping struct {
	*model
	room  int               // how many subjects fit; 0: any number
	rare  map[key]bool      // which buckets are rare
	given map[string]bool   // the subjects that were restored
	pages map[string]string // the cursors that were returned

	flaw dumpFlaw
}

// A dumpFlaw breaks a promise of a Dumper. Fields that are nil or false break none.
type dumpFlaw struct {
	record   func(r *store.Record) // changes what is dumped
	cursor   func(subjects []string, from string, limit int) (page []string, next string)
	dumps    func(d *dumping)                                   // comes after each Dump
	restore  func(d *dumping, k key, held, s *store.MeterState) // changes s, which is restored in place of held
	closes   func(d *dumping, r *store.Record) error            // in place of the check of a record that closes
	opens    bool                                               // restores states of a closed subject
	unsound  bool                                               // checks no record
	anyRoom  bool                                               // has room for every record
	heedless bool                                               // ignores ctx
	lenient  bool                                               // accepts every cursor and limit
	volatile bool                                               // forgets what was restored when it is opened again
}

func newDumping(flaw dumpFlaw) *dumping {
	return &dumping{model: newModel(), rare: map[key]bool{}, given: map[string]bool{}, pages: map[string]string{}, flaw: flaw}
}

func (d *dumping) Take(ctx context.Context, c *store.Charge) error {
	if d.room > 0 && c.Op != store.Move && c.Check() == nil {
		for i := range c.Parts {
			if p := &c.Parts[i]; !isZero(p.N) && !d.has(p.Subject) && d.subjects() >= d.room {
				return fmt.Errorf("%w: %w", store.ErrNotTaken, store.ErrFull)
			}
		}
	}
	err := d.model.Take(ctx, c)
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		for i := range c.Parts {
			for j, m := range c.Parts[i].Meters {
				d.rare[keyOf(&c.Parts[i], j)] = m.Rare && !m.IsWindow()
			}
		}
	}
	return err
}

func (d *dumping) has(subject string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(slices.Collect(maps.Keys(d.states)), func(k key) bool { return k.subject == subject })
}

func (d *dumping) subjects() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.names())
}

// names returns the subjects that have state or are closed, in their order.
func (d *dumping) names() []string {
	all := map[string]bool{}
	for k := range d.states {
		all[k.subject] = true
	}
	for subject := range d.moved {
		all[subject] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// subjectsFrom returns a page of subjects, those after from.
func subjectsFrom(subjects []string, from string, limit int) (page []string, next string) {
	i, found := slices.BinarySearch(subjects, from)
	if found {
		i++
	}
	if end := i + limit; end < len(subjects) {
		return subjects[i:end], subjects[end-1]
	}
	return subjects[i:], ""
}

func (d *dumping) Dump(ctx context.Context, cursor string, limit int) ([]store.Record, string, error) {
	if ctx.Err() != nil && !d.flaw.heedless {
		return nil, "", ctx.Err()
	}
	from, ok := d.pages[cursor]
	if (cursor != "" && !ok || limit < 1) && !d.flaw.lenient {
		return nil, "", store.ErrInvalid
	}
	d.mu.Lock()
	find := d.flaw.cursor
	if find == nil {
		find = subjectsFrom
	}
	names, next := find(d.names(), from, max(limit, 1))
	var page []store.Record
	for _, subject := range names {
		r := d.record(subject)
		if d.flaw.record != nil {
			d.flaw.record(&r)
		}
		if r.Subject != "" {
			page = append(page, r)
		}
	}
	if next != "" {
		d.pages["after "+next] = next
		next = "after " + next
	}
	d.mu.Unlock()
	if d.flaw.dumps != nil {
		d.flaw.dumps(d)
	}
	return page, next, nil
}

func (d *dumping) record(subject string) store.Record {
	r := store.Record{Subject: subject, MovedTo: d.moved[subject]}
	if r.MovedTo != "" {
		r.Until = store.MaxUnits
	}
	for k, s := range d.states {
		if k.subject == subject {
			r.States = append(r.States, store.MeterState{
				Name: k.name, IsWindow: k.window, Start: k.start, Until: store.MaxUnits, Rare: d.rare[k], State: s,
			})
		}
	}
	slices.SortFunc(r.States, func(a, b store.MeterState) int { return int(a.Start - b.Start) })
	return r
}

func (d *dumping) Restore(ctx context.Context, records []store.Record) error {
	if ctx.Err() != nil && !d.flaw.heedless {
		return ctx.Err()
	}
	if err := store.CheckRecords(records); err != nil && !d.flaw.unsound {
		return err
	}
	for i := range records {
		r := &records[i]
		if d.room > 0 && !d.has(r.Subject) && d.subjects() >= d.room && !d.flaw.anyRoom {
			return store.ErrFull
		}
		if err := d.put(r); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumping) put(r *store.Record) error {
	used := d.has(r.Subject)
	d.mu.Lock()
	defer d.mu.Unlock()
	to, closed := d.moved[r.Subject]
	switch {
	case r.MovedTo != "" && d.flaw.closes != nil:
		if err := d.flaw.closes(d, r); err != nil {
			return err
		}
	case r.MovedTo != "" && (used || closed && to != r.MovedTo):
		return store.ErrInvalid
	}
	if r.MovedTo != "" {
		d.moved[strings.Clone(r.Subject)], d.given[r.Subject] = strings.Clone(r.MovedTo), true
		return nil
	}
	if closed && !d.flaw.opens {
		return &store.MovedError{Subject: r.Subject, To: to}
	}
	if closed {
		delete(d.moved, r.Subject)
	}
	for _, s := range r.States {
		k := key{strings.Clone(r.Subject), strings.Clone(s.Name), s.IsWindow, s.Start}
		held, ok := d.states[k]
		was := s
		if was.State = held; ok && d.flaw.restore == nil && !s.Supersedes(&was) {
			continue
		}
		if d.flaw.restore != nil {
			d.flaw.restore(d, k, &was, &s)
		}
		d.states[k], d.rare[k], d.given[k.subject] = s.State, s.Rare, true
	}
	return nil
}

// keepsLater restores s, if it supersedes held.
func keepsLater(s, held *store.MeterState) {
	if held.State != (store.State{}) && !s.Supersedes(held) {
		s.State = held.State
	}
}

// dumps returns harnesses of Dumpers with a flaw.
func dumps(flaw dumpFlaw) func() Harness {
	return func() Harness {
		var last *dumping
		fresh := func(room int) store.Counter {
			last = newDumping(flaw)
			last.room = room
			return last
		}
		h := Harness{
			Bubble: synctest.Test,
			New:    func(testing.TB) store.Counter { return fresh(0) },
			Reopen: func(testing.TB) store.Counter {
				was := last
				fresh(0)
				last.states, last.moved = was.states, was.moved
				if flaw.volatile {
					maps.DeleteFunc(last.states, func(k key, _ store.State) bool { return was.given[k.subject] })
				}
				return last
			},
		}
		if flaw.anyRoom {
			h.Full = func(testing.TB) store.Counter { return fresh(12) }
		}
		return h
	}
}

var dumpFlaws = []flaw{{
	name:   "dumps no ended windows",
	caught: []string{"dump/whole", "restore/repeated", "restore/kept", "restore/later", "restore/durable"},
	open: dumps(dumpFlaw{record: func(r *store.Record) {
		all := slices.Clone(r.States)
		r.States = slices.DeleteFunc(r.States, func(s store.MeterState) bool {
			return s.IsWindow && slices.ContainsFunc(all, func(o store.MeterState) bool {
				return o.IsWindow && o.Name == s.Name && o.Start > s.Start
			})
		})
	}}),
}, {
	name:   "cuts names and subjects at a NUL",
	caught: []string{"dump/bytes"},
	open: dumps(dumpFlaw{record: func(r *store.Record) {
		r.Subject, _, _ = strings.Cut(r.Subject, "\x00")
	}}),
}, {
	name:   "dumps whole tokens",
	caught: []string{"dump/fraction"},
	open: dumps(dumpFlaw{record: func(r *store.Record) {
		for i := range r.States {
			r.States[i].Bucket.Part = 0
		}
	}}),
}, {
	name:   "dumps no closed subjects",
	caught: []string{"dump/closed", "restore/durable"},
	open: dumps(dumpFlaw{record: func(r *store.Record) {
		if r.MovedTo != "" {
			r.Subject = ""
		}
	}}),
}, {
	name:   "goes on at the number of subjects that it has dumped",
	caught: []string{"dump/complete"},
	open: dumps(dumpFlaw{cursor: func(subjects []string, from string, limit int) (page []string, next string) {
		// New subjects come first, as with a list of the newest.
		slices.SortStableFunc(subjects, func(a, b string) int { return strings.Compare(b[:1], a[:1]) })
		n := 0
		_, _ = fmt.Sscan(from, &n)
		if end := n + limit + limit/7; end < len(subjects) {
			return subjects[n:min(n+limit, end)], fmt.Sprint(end)
		}
		return subjects[min(n, len(subjects)):], ""
	}}),
}, {
	name:   "empties the states that it dumps",
	caught: []string{"dump/nothing", "dump/whole", "dump/bytes", "dump/complete", "restore/later", "restore/durable", "restore/invalid"},
	open: dumps(dumpFlaw{dumps: func(d *dumping) {
		d.mu.Lock()
		defer d.mu.Unlock()
		clear(d.states)
	}}),
}, {
	name:   "takes every cursor for the first",
	caught: []string{"dump/invalid"},
	open:   dumps(dumpFlaw{lenient: true}),
}, {
	name:   "dumps and restores for a ctx that is done",
	caught: []string{"dump/ctx"},
	open:   dumps(dumpFlaw{heedless: true}),
}, {
	name:   "adds what it restores to what it has",
	caught: []string{"restore/repeated", "restore/kept", "restore/later"},
	open: dumps(dumpFlaw{restore: func(_ *dumping, _ key, held, s *store.MeterState) {
		s.Window.Used += held.Window.Used
	}}),
}, {
	name:   "writes the restored state over a later one",
	caught: []string{"restore/kept"},
	open:   dumps(dumpFlaw{restore: func(*dumping, key, *store.MeterState, *store.MeterState) {}}),
}, {
	name:   "keeps the state that it has",
	caught: []string{"restore/later"},
	open: dumps(dumpFlaw{restore: func(_ *dumping, _ key, held, s *store.MeterState) {
		if held.State != (store.State{}) {
			s.State = held.State
		}
	}}),
}, {
	name:   "drops the other windows of a name that it restores",
	caught: []string{"dump/whole", "restore/repeated", "restore/kept", "restore/later", "restore/windows", "restore/durable"},
	open: dumps(dumpFlaw{restore: func(d *dumping, k key, held, s *store.MeterState) {
		keepsLater(s, held)
		maps.DeleteFunc(d.states, func(o key, _ store.State) bool {
			return k.window && o.window && o.subject == k.subject && o.name == k.name && o.start != k.start
		})
	}}),
}, {
	name:   "opens a closed subject whose states it restores",
	caught: []string{"restore/open"},
	open:   dumps(dumpFlaw{opens: true}),
}, {
	name:   "closes a subject that is in use",
	caught: []string{"restore/closed"},
	open:   dumps(dumpFlaw{closes: func(*dumping, *store.Record) error { return nil }}),
}, {
	name:   "restores whatever it is given",
	caught: []string{"restore/invalid"},
	open:   dumps(dumpFlaw{unsound: true}),
}, {
	name:   "loses what was restored when it is opened again",
	caught: []string{"restore/durable"},
	open:   dumps(dumpFlaw{volatile: true}),
}, {
	name:   "has room for every record",
	caught: []string{"restore/full", "full/room", "full/moved", "full/several", "full/own-part"}, // it evicts nothing, either
	open:   dumps(dumpFlaw{anyRoom: true}),
}}

// TestModelDumps runs the suite on the model as a Dumper.
func TestModelDumps(t *testing.T) { TestCounter(t, dumps(dumpFlaw{})()) }
