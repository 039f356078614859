package store

import (
	"context"
	"sync"
	"time"
)

// OneTaker is an optional interface of a Counter: a fast path that charges a single
// meter. Writing and reading a whole Charge would cost a limiter in memory a quarter of
// its decision. Call the function One to use it. The result is what Take would return for
// a Charge with that meter alone.
//
// A Counter that wraps another may implement OneTaker by calling One on the wrapped
// Counter, or leave it out and be slower. It must not inherit TakeOne from an embedded
// store, since that would bypass its own Take: see Counter.
type OneTaker interface {
	// TakeOne charges n units to m, as Take would do for a Charge at that instant with one
	// part and one meter. It returns what would be in Levels[0] and OK. Both are undefined
	// after an error. TakeOne does not change m, and does not use it after it has returned.
	// It is safe for concurrent use.
	TakeOne(ctx context.Context, subject string, m *Meter, at time.Time, n int64) (l Level, ok bool, err error)
}

// One returns c as a OneTaker. If c does not implement OneTaker, the result calls c's
// Take and allocates nothing.
func One(c Counter) OneTaker {
	if one, ok := c.(OneTaker); ok {
		return one
	}
	return byTake{c}
}

type byTake struct{ Counter }

// TakeOne implements OneTaker.
func (b byTake) TakeOne(ctx context.Context, subject string, m *Meter, at time.Time, n int64) (l Level, ok bool, err error) {
	s := singles.Get().(*single)
	defer singles.Put(s)
	s.meter[0], s.n[0] = *m, n
	s.part[0] = Part{Subject: subject, Meters: s.meter[:], N: s.n[:], Levels: s.level[:]}
	s.charge = Charge{At: at, Parts: s.part[:]}
	err = b.Take(ctx, &s.charge)
	s.part[0].Subject, s.meter[0].Name = "", "" // the pool keeps no caller's strings
	return s.level[0], s.charge.OK, err
}

// A single has a Charge of one meter, and everything that it points to.
type single struct {
	charge Charge
	part   [1]Part
	meter  [1]Meter
	n      [1]int64
	level  [1]Level
}

var singles = sync.Pool{New: func() any { return new(single) }}
