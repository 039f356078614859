package lease

import (
	"context"
	"errors"

	"github.com/ration-go/ration/store"
)

// resolve finds out whether the last settlement of an account happened, if its answer was
// lost, and takes that over. The caller has seized the account. After an error it is
// still not known.
func (l *Counter) resolve(ctx context.Context, a *account) error {
	a.mu.Lock()
	lost, at := a.lost, a.settleAt(l.clock.now())
	if lost == nil || !lost.mark.keptAt(at) {
		a.lost = nil
		a.mu.Unlock()
		return nil
	}
	q := lost.question()
	q.At = at
	lost.flight = a.start(0, true)
	a.mu.Unlock()

	err := l.takeSafely(ctx, q)
	if errors.As(err, new(*store.MovedError)) {
		q.Parts = q.Parts[1:] // the mark has not moved
		err = l.takeSafely(ctx, q)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drain() // the answer tells where all of a meter stands
	l.end(a, &lost.flight, true)
	if err != nil {
		return err
	}
	now := l.clock.now()
	a.heardAt(now)
	a.lost = nil
	lost.mark.used = q.Parts[len(q.Parts)-1].Levels[0].Used
	switch lost.mark.used - lost.used {
	case bySettlement:
		lost.correct(true)
	case byQuestion:
		lost.correct(false)
	default:
		a.mark = nil // the inner Counter has lost the mark
	}
	if len(q.Parts) > 1 {
		lost.learn(a, &q.Parts[0], now)
	}
	return nil
}

// question returns a charge that reads the meters of s and tells whether s has happened.
// If it has not, it cannot happen after the question.
func (s *settlement) question() *store.Charge {
	own := store.Part{Subject: s.charge.Parts[0].Subject}
	for i := range s.rows {
		own.Meters = append(own.Meters, s.rows[i].Meter)
	}
	own.N, own.Levels = make([]int64, len(own.Meters)), make([]store.Level, len(own.Meters))
	return &store.Charge{Parts: []store.Part{own, s.mark.add(s.used, byQuestion)}}
}

// correct corrects what finish did when it was not known whether s had happened. The lock
// is held.
func (s *settlement) correct(happened bool) {
	for i := range s.rows {
		r := &s.rows[i]
		paid := r.wasAhead() && r.n > 0
		switch {
		case happened && paid:
			r.avail += r.n
		case !happened && !paid:
			r.avail -= r.n
		}
		if !happened {
			r.counting -= r.counted
		}
		if r.figures != r.Meter || r.wasReturning && !happened {
			r.returning = true
		}
	}
}
