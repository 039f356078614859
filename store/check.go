package store

import (
	"errors"
	"fmt"
	"math/bits"
)

// Check returns every fault for which a store must not apply c: an unknown Op or Kind,
// too few or too many parts or meters, a subject that is there twice, too short or too
// long, N, Levels or Last of another length than the meters, a figure out of range, a
// window that ends before it starts, a rare bucket that is soft. The error joins all
// faults and wraps ErrInvalid and ErrNotTaken.
//
// Stores call this method at the start of every Take. It allocates only if there is a
// fault. It does not look for duplicate meters; CheckMeters does, once, when meters are
// built.
func (c *Charge) Check() error {
	sound := c.Op <= SetRemaining && uint(len(c.Parts)-1) < MaxParts
	for i := range c.Parts {
		sound = sound && c.Parts[i].sound() && c.isNew(i)
	}
	if sound {
		return nil
	}
	return invalid(c.faults())
}

// sound reports whether faults would return nothing, quickly.
func (p *Part) sound() bool {
	sound := uint(len(p.Subject)-1) < MaxSubject && len(p.Meters) <= MaxMeters &&
		len(p.N) == len(p.Meters) && (p.Levels == nil || len(p.Levels) == len(p.Meters)) &&
		(p.Last == nil || len(p.Last) == len(p.Meters))
	for i := range p.Meters {
		sound = sound && p.Meters[i].sound()
	}
	return sound
}

// isNew reports whether no part before the i-th has its subject.
func (c *Charge) isNew(i int) bool {
	for j := range i {
		if c.Parts[j].Subject == c.Parts[i].Subject {
			return false
		}
	}
	return true
}

// faults returns every fault of c. Most charges have one part, and its faults are named
// without "parts[0]".
func (c *Charge) faults() (errs []error) {
	if c.Op > Move {
		errs = append(errs, fmt.Errorf("op: %d: want Spend, SetRemaining or Move", c.Op))
	}
	if n := len(c.Parts); n < 1 || n > MaxParts {
		errs = append(errs, fmt.Errorf("parts: %d of them: want 1 to %d", n, MaxParts))
	}
	for i := range c.Parts {
		faults := c.Parts[i].faults()
		if !c.isNew(i) {
			faults = append(faults, fmt.Errorf("subject: %.100q: there twice", c.Parts[i].Subject))
		}
		for _, err := range faults {
			if len(c.Parts) > 1 {
				err = fmt.Errorf("parts[%d].%w", i, err)
			}
			errs = append(errs, err)
		}
	}
	if c.Op == Move {
		errs = append(errs, c.moveFaults()...)
	}
	return errs
}

// moveFaults returns what is wrong with the parts of a Move beside what is wrong with any
// part.
func (c *Charge) moveFaults() (errs []error) {
	if n := len(c.Parts); n != 2 {
		errs = append(errs, fmt.Errorf("parts: %d of them: want 2 for a move", n))
	}
	for i := range c.Parts {
		if n := len(c.Parts[i].Meters); n != 0 {
			errs = append(errs, fmt.Errorf("parts[%d].meters: %d of them: want none for a move", i, n))
		}
	}
	return errs
}

func (p *Part) faults() (errs []error) {
	if n := len(p.Subject); n == 0 || n > MaxSubject {
		errs = append(errs, fmt.Errorf("subject: %d bytes: want 1 to %d", n, MaxSubject))
	}
	if len(p.N) != len(p.Meters) {
		errs = append(errs, fmt.Errorf("n: %d of them: want as many as meters, %d", len(p.N), len(p.Meters)))
	}
	if p.Levels != nil && len(p.Levels) != len(p.Meters) {
		errs = append(errs, fmt.Errorf("levels: room for %d: want as many as meters, %d, or nil", len(p.Levels), len(p.Meters)))
	}
	if p.Last != nil && len(p.Last) != len(p.Meters) {
		errs = append(errs, fmt.Errorf("last: room for %d: want as many as meters, %d, or nil", len(p.Last), len(p.Meters)))
	}
	return append(errs, faults(p.Meters)...)
}

// CheckMeters returns every fault of meters: what Charge.Check reports, and two meters of
// one name and start. The error joins all faults and wraps ErrInvalid and ErrNotTaken.
// Call it once when building meters.
func CheckMeters(meters []Meter) error {
	errs := faults(meters)
	for i, m := range meters {
		for _, o := range meters[:i] {
			if o.Name == m.Name && o.Start == m.Start {
				errs = append(errs, fmt.Errorf("meters[%d].name: %.*q: there twice", i, MaxName, m.Name))
				break
			}
		}
	}
	return invalid(errs)
}

func invalid(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w, %w: %w", ErrInvalid, ErrNotTaken, errors.Join(errs...))
}

// sound reports whether faults would return nothing, quickly.
func (m *Meter) sound() bool {
	if uint(len(m.Name)-1) >= MaxName || uint64(m.Max) > MaxUnits || m.Kind != Plain {
		return false
	}
	if m.IsWindow() {
		return m.End > m.Start && m.End <= MaxUnits && m.Start >= -MaxUnits && m.Rate == Rate{} && m.Keep >= 0
	}
	return m.Start == 0 && m.Keep == 0 && (m.Rate == Rate{} || m.refills()) && !(m.Soft && m.Rare)
}

// refills reports whether the rate is positive and within the range in which the
// arithmetic is exact.
func (m *Meter) refills() bool {
	if m.Rate.Tokens <= 0 || m.Rate.Per <= 0 || m.Rate.Per > MaxUnits {
		return false
	}
	hi, lo := bits.Mul64(uint64(m.Max), uint64(m.Rate.Per))
	return hi == 0 && lo <= MaxUnits && uint64(m.Rate.Tokens) <= MaxUnits-lo
}

// faults returns every fault of each meter by itself.
func faults(meters []Meter) (errs []error) {
	if len(meters) > MaxMeters {
		errs = append(errs, fmt.Errorf("meters: %d of them: want at most %d", len(meters), MaxMeters))
	}
	for i := range meters {
		m := &meters[i]
		fault := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("meters[%d]."+format, append([]any{i}, args...)...))
		}
		if m.Kind != Plain {
			fault("kind: %d: want Plain", m.Kind)
		}
		if n := len(m.Name); n == 0 || n > MaxName {
			fault("name: %d bytes: want 1 to %d", n, MaxName)
		}
		if m.Max < 0 || m.Max > MaxUnits {
			fault("max: %d: want 0 to 2^53-1", m.Max)
		}
		if m.Soft && m.Rare && !m.IsWindow() {
			fault("soft: true: want false in a rare bucket")
		}
		switch {
		case m.IsWindow():
			if m.End <= m.Start {
				fault("end: %d: want after the start, %d", m.End, m.Start)
			}
			if m.End > MaxUnits || m.Start < -MaxUnits {
				fault("start, end: %d, %d: want within 2^53-1 seconds of 1970", m.Start, m.End)
			}
			if m.Rate != (Rate{}) {
				fault("rate: %d every %d µs: want none in a window", m.Rate.Tokens, m.Rate.Per)
			}
			if m.Keep < 0 {
				fault("keep: %v: want 0 or more", m.Keep)
			}
		case m.Start != 0 || m.Keep != 0:
			fault("start, keep: %d, %v: want an end with them, or neither", m.Start, m.Keep)
		case m.Rate != Rate{} && (m.Rate.Tokens <= 0 || m.Rate.Per <= 0):
			fault("rate: %d every %d µs: want both positive, or both 0", m.Rate.Tokens, m.Rate.Per)
		case m.Rate != Rate{} && !m.refills():
			fault("rate: %d every %d µs with max %d: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
				m.Rate.Tokens, m.Rate.Per, m.Max)
		}
	}
	return errs
}
