package store

import (
	"context"
	"fmt"
	"time"
)

// Peeker is an optional interface of a Counter that reads many subjects in fewer steps
// than one Take each. Levels are those of a Take in which every N is zero. Call the
// function Peek to use it. A Counter that wraps another implements Peeker by calling Peek
// on the wrapped Counter.
type Peeker interface {
	// Peek sets levels[s*len(meters)+m] to the level of meters[m] for subjects[s]. Both
	// lists may have any length, and may name a subject or a meter twice. The levels of one
	// subject are of one instant if there are at most MaxMeters meters. Peek changes
	// nothing. It is safe for concurrent use. Without an error it has filled in every level.
	// After it has returned, it does not write to levels.
	Peek(ctx context.Context, at time.Time, subjects []string, meters []Meter, levels []Level) error
}

// Peek reads the levels of meters for many subjects. If c is a Peeker, it takes few
// steps: a report of 500 keys over 90 days is one call. Otherwise Peek calls Take for one
// subject at a time. The slice levels needs room for len(subjects)*len(meters) elements,
// in the order that Peeker describes; with less, the error wraps ErrInvalid. If at is
// zero, the store reads its own clock.
func Peek(ctx context.Context, c Counter, at time.Time, subjects []string, meters []Meter, levels []Level) error {
	if have, want := len(levels), len(subjects)*len(meters); have < want {
		return invalid([]error{fmt.Errorf("levels: room for %d: want %d", have, want)})
	}
	if p, ok := c.(Peeker); ok {
		return p.Peek(ctx, at, subjects, meters, levels)
	}

	// Every call of Take uses the same memory.
	var read struct {
		charge Charge
		part   [1]Part
		none   [MaxMeters]int64
	}
	for _, subject := range subjects {
		for rest := meters; len(rest) > 0; {
			n := min(len(rest), MaxMeters)
			read.part[0] = Part{Subject: subject, Meters: rest[:n], N: read.none[:n], Levels: levels[:n]}
			read.charge = Charge{At: at, Parts: read.part[:]}
			if err := c.Take(ctx, &read.charge); err != nil {
				return err
			}
			rest, levels = rest[n:], levels[n:]
		}
	}
	return nil
}
