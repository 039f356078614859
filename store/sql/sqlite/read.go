package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
)

// A reading asks for the states of meters. It shares no memory with its caller, who may
// leave while it is read.
type reading struct {
	parts  []subjectMeters
	states []store.State // of the meters of each part, one after the other
}

type subjectMeters struct {
	subject string
	meters  []store.Meter
}

// add asks for meters of one more subject. The meters must be a copy of the caller's.
func (r *reading) add(subject string, meters []store.Meter) {
	r.parts = append(r.parts, subjectMeters{strings.Clone(subject), meters})
	r.states = append(r.states, make([]store.State, len(meters))...)
}

// copyOf returns a copy of meters that shares no memory with them.
func copyOf(meters []store.Meter) []store.Meter {
	meters = slices.Clone(meters)
	for i := range meters {
		meters[i].Name = strings.Clone(meters[i].Name)
	}
	return meters
}

func weighReading(r **reading) int { return len((*r).states) }

// read returns the states that r asks for.
func (s *Store) read(ctx context.Context, r *reading) ([]store.State, error) {
	if _, err := s.readings.Do(ctx, r); err != nil {
		return nil, notTaken(err)
	}
	return r.states, nil
}

// takeRead answers a charge that takes nothing.
func (s *Store) takeRead(ctx context.Context, c *store.Charge) error {
	var r reading
	for p := range c.Parts {
		r.add(c.Parts[p].Subject, copyOf(c.Parts[p].Meters))
	}
	held, err := s.read(ctx, &r)
	if err != nil {
		return err
	}
	at, now := s.clocks(c.At)
	c.Decide(held, make([]store.State, len(held)), at, now)
	return nil
}

// peekMeters is about how many states Peek reads at a time.
const peekMeters = 512

// Peek implements store.Peeker.
func (s *Store) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	for _, subject := range subjects {
		if err := checkRead(subject, meters); err != nil {
			return wrap("peek", err)
		}
	}
	wall, now := s.clocks(at)
	meters = copyOf(meters)
	for some := range slices.Chunk(subjects, max(1, peekMeters/max(1, len(meters)))) {
		var r reading
		for _, subject := range some {
			r.add(subject, meters)
		}
		states, err := s.read(ctx, &r)
		if err != nil {
			return wrap("peek", err)
		}
		for i := range states {
			_, levels[i], _ = states[i].Take(&meters[i%len(meters)], wall, now, 0)
			if last != nil {
				last[i] = states[i].Window.Last
			}
		}
		levels = levels[len(states):]
		if last != nil {
			last = last[len(states):]
		}
	}
	return nil
}

// checkRead checks a read of any number of meters, as many at a time as a Charge may
// have.
func checkRead(subject string, meters []store.Meter) error {
	var none [store.MaxMeters]int64
	for some := range slices.Chunk(meters, store.MaxMeters) {
		c := store.Charge{Parts: []store.Part{{Subject: subject, Meters: some, N: none[:len(some)]}}}
		if err := c.Check(); err != nil {
			return err
		}
	}
	return nil
}

// readBatch reads for many callers in one transaction, which shows one state of the file.
// It treats a damaged page as takeBatch does.
func (s *Store) readBatch(ctx context.Context, items []*batch.Item[*reading, struct{}]) {
	err := s.readers.with(func(l *lookups) error {
		for _, item := range items {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if item.Err = item.Request.from(l); item.Err != nil && !errors.Is(item.Err, store.ErrNotTaken) {
				return item.Err
			}
		}
		return nil
	})
	if half := len(items) / 2; isFault(err) && half > 0 {
		s.readBatch(ctx, items[:half])
		s.readBatch(ctx, items[half:])
		return
	}
	if err != nil {
		for _, item := range items {
			item.Err = err
		}
	}
}

// from reads the states from the file. As in book.find, a subject that has a row is open.
func (r *reading) from(l *lookups) error {
	states := r.states
	for _, p := range r.parts {
		found, err := p.read(l, states)
		if err != nil {
			return err
		}
		if !found {
			to, err := l.movedTo(p.subject)
			if err != nil {
				return err
			}
			if to != "" {
				return &store.MovedError{Subject: p.subject, To: to}
			}
		}
		states = states[len(p.meters):]
	}
	return nil
}

// read reads the state of each meter, and reports whether the file has any. Windows of
// one name are read together: a report may ask for hundreds.
func (p *subjectMeters) read(l *lookups, states []store.State) (found bool, err error) {
	byName := map[string][]int{}
	for i := range p.meters {
		m := &p.meters[i]
		if m.IsWindow() {
			byName[m.Name] = append(byName[m.Name], i)
			continue
		}
		r := row{subject: p.subject, name: m.Name}
		if err := r.read(l); err != nil {
			return false, err
		}
		states[i] = r.state
		found = found || r.stored
	}
	for _, of := range byName {
		for some := range slices.Chunk(of, manyWindows) {
			any, err := p.readWindows(l, some, states)
			if err != nil {
				return false, err
			}
			found = found || any
		}
	}
	return found, nil
}

// readWindows reads windows of one name, given by their indexes.
func (p *subjectMeters) readWindows(l *lookups, some []int, states []store.State) (found bool, err error) {
	if len(some) == 1 {
		m := &p.meters[some[0]]
		r := row{subject: p.subject, name: m.Name, start: m.Start, isWindow: true}
		err := r.read(l)
		states[some[0]] = r.state
		return r.stored, err
	}
	name := p.meters[some[0]].Name
	args := []any{[]byte(p.subject), []byte(name)}
	for i := range manyWindows {
		args = append(args, p.meters[some[min(i, len(some)-1)]].Start)
	}
	rows, err := l.windows.Query(args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		r := row{subject: p.subject, name: name, isWindow: true}
		if err := r.scanWindow(rows); err != nil {
			return false, err
		}
		if err := r.check(); err != nil {
			return false, err
		}
		found = true
		for _, i := range some {
			if p.meters[i].Start == r.start {
				states[i] = r.state
			}
		}
	}
	return found, rows.Err()
}
