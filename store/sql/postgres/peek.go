package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// peekSize is how many states one statement reads at most, unless a single subject has
// more.
const peekSize = 4096

// noUnits are the N of a charge that only reads.
var noUnits [store.MaxMeters]int64

// Peek implements store.Peeker. It reads up to 4096 levels with one statement, all of one
// instant, and locks nothing.
func (s *Store) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	if at.IsZero() {
		at = time.Now()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("store/postgres: peek: %w: %w", store.ErrNotTaken, ctx.Err())
	}
	if len(meters) == 0 {
		return nil
	}
	for step := max(peekSize/len(meters), 1); len(subjects) > 0; {
		n := min(step, len(subjects))
		charges := readsOf(at, subjects[:n], meters)
		if err := s.read(ctx, charges); err != nil {
			return fmt.Errorf("store/postgres: peek: %w", err)
		}
		for _, c := range charges {
			p := &c.Parts[0]
			levels = levels[copy(levels, p.Levels):]
			if last != nil {
				last = last[copy(last, p.Last):]
			}
		}
		subjects = subjects[n:]
	}
	return nil
}

// read decides charges that change nothing.
func (s *Store) read(ctx context.Context, charges []*store.Charge) error {
	for _, c := range charges {
		if err := c.Check(); err != nil {
			return err
		}
	}
	errs := make([]error, len(charges))
	err := s.decide(ctx, charges, errs)
	if err != nil && !errors.Is(err, store.ErrNotTaken) {
		err = fmt.Errorf("%w: %w", store.ErrNotTaken, err) // nothing can have changed
	}
	if err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// readsOf returns charges that read meters of subjects, in the order of Peek's levels.
func readsOf(at time.Time, subjects []string, meters []store.Meter) (charges []*store.Charge) {
	for _, subject := range subjects {
		for rest := meters; len(rest) > 0; {
			n := min(len(rest), store.MaxMeters)
			charges = append(charges, &store.Charge{At: at, Parts: []store.Part{{
				Subject: subject, Meters: rest[:n], N: noUnits[:n],
				Levels: make([]store.Level, n), Last: make([]int64, n),
			}}})
			rest = rest[n:]
		}
	}
	return charges
}
