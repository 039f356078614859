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
	//
	// last is nil, or gets the Last of every window in the same order: see Part.Last.
	Peek(ctx context.Context, at time.Time, subjects []string, meters []Meter, levels []Level, last []int64) error
}

// Peek reads the levels of meters for many subjects. If c is a Peeker, it takes few
// steps: a report of 500 keys over 90 days is one call. Otherwise Peek calls Take for one
// subject at a time. The slice levels needs room for len(subjects)*len(meters) elements,
// in the order that Peeker describes; with less, the error wraps ErrInvalid. So does
// last, unless it is nil. If at is zero, the store reads its own clock.
func Peek(ctx context.Context, c Counter, at time.Time, subjects []string, meters []Meter, levels []Level, last []int64) error {
	if faults := roomFaults(len(subjects)*len(meters), levels, last); faults != nil {
		return invalid(faults)
	}
	if p, ok := c.(Peeker); ok {
		return p.Peek(ctx, at, subjects, meters, levels, last)
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
			if last != nil {
				read.part[0].Last, last = last[:n], last[n:]
			}
			if err := c.Take(ctx, &read.charge); err != nil {
				return err
			}
			rest, levels = rest[n:], levels[n:]
		}
	}
	return nil
}

func roomFaults(want int, levels []Level, last []int64) (errs []error) {
	if have := len(levels); have < want {
		errs = append(errs, fmt.Errorf("levels: room for %d: want %d", have, want))
	}
	if have := len(last); last != nil && have < want {
		errs = append(errs, fmt.Errorf("last: room for %d: want %d, or nil", have, want))
	}
	return errs
}
