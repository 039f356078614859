package store

import (
	"context"
	"sync"
	"time"
)

// OneTaker is what a Counter may also be, to charge one meter with less ado: to write a
// Charge and read it again costs a limiter in memory a quarter of its decision. It
// answers, charges and fails as Take of a Charge with that meter alone would. Callers ask
// the function One for it; a Counter that wraps another implements OneTaker by calling
// what One makes of that, or does not, and is only slower. It must not have the TakeOne
// of a store that it embeds, which goes past its Take: see Counter.
type OneTaker interface {
	// TakeOne is Take with Subject, At, Meters[0] and N[0] for arguments, and Levels[0] and
	// OK for results, which are undefined after an error. It does not change m, and touches
	// nothing of it after it has returned. Safe for concurrent use.
	TakeOne(ctx context.Context, subject string, m *Meter, at time.Time, n int64) (l Level, ok bool, err error)
}

// One is c as a OneTaker: c itself if it is one, else one that calls Take and allocates
// nothing.
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
	s.Subject = "" // the pool must not keep the caller's bytes
	return s.Levels[0], s.OK, err
}

// single is a Charge of one meter.
type single struct {
	Charge
	meter [1]Meter
}

var singles = sync.Pool{New: func() any { return new(single) }}
