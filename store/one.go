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
	// TakeOne charges n units to m, as Take would do for a Charge of Subject, At, Meters[0]
	// and N[0]. It returns what would be in Levels[0] and OK. Both are undefined after an
	// error. TakeOne does not change m, and does not use it after it has returned. It is
	// safe for concurrent use.
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
	s.meter[0], s.Charge = *m, Charge{Subject: subject, At: at, Meters: s.meter[:], N: [MaxMeters]int64{n}}
	err = b.Take(ctx, &s.Charge)
	s.Subject = "" // the pool must not keep the caller's string
	return s.Levels[0], s.OK, err
}

// single is a Charge with room for one meter.
type single struct {
	Charge
	meter [1]Meter
}

var singles = sync.Pool{New: func() any { return new(single) }}
