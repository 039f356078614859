package store

import (
	"context"
	"fmt"
	"time"
)

// Peeker is what a Counter may also be, to read many subjects in fewer steps than one
// Take each. It answers as Take with every N zero would. Callers use the function Peek; a
// Counter that wraps another implements Peeker by calling Peek on it.
type Peeker interface {
	// Peek sets levels[s*len(meters)+m] to the level of meters[m] for subjects[s]; any
	// number of either. Levels of one subject are of one instant if there are at most
	// MaxMeters. It changes nothing. Safe for concurrent use.
	Peek(ctx context.Context, at time.Time, subjects []string, meters []Meter, levels []Level) error
}

// Peek reads meters of many subjects, in few steps if c is a Peeker and one Take at a
// time if not. A report of 500 keys over 90 days is one call. levels must have room for
// len(subjects)*len(meters) elements, in the order that Peeker says; less is ErrInvalid.
// The zero at is the store's own clock.
func Peek(ctx context.Context, c Counter, at time.Time, subjects []string, meters []Meter, levels []Level) error {
	if have, want := len(levels), len(subjects)*len(meters); have < want {
		return invalid([]error{fmt.Errorf("levels: room for %d: want %d", have, want)})
	}
	if p, ok := c.(Peeker); ok {
		return p.Peek(ctx, at, subjects, meters, levels)
	}
	var charge Charge
	for _, subject := range subjects {
		for rest := meters; len(rest) > 0; rest = rest[len(charge.Meters):] {
			charge = Charge{Subject: subject, At: at, Meters: rest[:min(len(rest), MaxMeters)]}
			if err := c.Take(ctx, &charge); err != nil {
				return err
			}
			levels = levels[copy(levels, charge.Levels[:len(charge.Meters)]):]
		}
	}
	return nil
}
