package store

import (
	"errors"
	"fmt"
	"math/bits"
)

// Check returns every fault for which a store must not apply c: a subject that is too
// short or too long, too many meters, a figure out of range, a window that ends before it
// starts. The error joins all faults and wraps ErrInvalid and ErrNotTaken. Stores call
// this method at the start of every Take. It allocates only if there is a fault. It does
// not look for duplicate meters; the function Check does, once, when meters are built.
func (c *Charge) Check() error {
	sound := uint(len(c.Subject)-1) < MaxSubject && len(c.Meters) <= MaxMeters
	for i := range c.Meters {
		sound = sound && c.Meters[i].sound()
	}
	if sound {
		return nil
	}
	var errs []error
	if n := len(c.Subject); n == 0 || n > MaxSubject {
		errs = append(errs, fmt.Errorf("subject: %d bytes: want 1 to %d", n, MaxSubject))
	}
	return invalid(append(errs, faults(c.Meters)...))
}

// Check returns every fault of meters: what Charge.Check reports, and two meters of one
// name and start. The error joins all faults and wraps ErrInvalid and ErrNotTaken. Call
// it once when building meters.
func Check(meters []Meter) error {
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

// sound is faults == nil, quickly.
func (m *Meter) sound() bool {
	if uint(len(m.Name)-1) >= MaxName || uint64(m.Max) > MaxUnits {
		return false
	}
	if m.IsWindow() {
		return m.End > m.Start && m.End <= MaxUnits && m.Start >= -MaxUnits && m.Rate == Rate{} && m.Keep >= 0
	}
	return m.Start == 0 && m.Keep == 0 && (m.Rate == Rate{} || m.refills())
}

// refills says that the rate is positive and within the range in which the arithmetic is
// exact.
func (m *Meter) refills() bool {
	if m.Rate.Tokens <= 0 || m.Rate.Per <= 0 || m.Rate.Per > MaxUnits {
		return false
	}
	hi, lo := bits.Mul64(uint64(m.Max), uint64(m.Rate.Per))
	return hi == 0 && lo <= MaxUnits && uint64(m.Rate.Tokens) <= MaxUnits-lo
}

// faults is every fault of each meter by itself.
func faults(meters []Meter) (errs []error) {
	if len(meters) > MaxMeters {
		errs = append(errs, fmt.Errorf("meters: %d of them: want at most %d", len(meters), MaxMeters))
	}
	for i := range meters {
		m := &meters[i]
		fault := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("meters[%d]."+format, append([]any{i}, args...)...))
		}
		if n := len(m.Name); n == 0 || n > MaxName {
			fault("name: %d bytes: want 1 to %d", n, MaxName)
		}
		if m.Max < 0 || m.Max > MaxUnits {
			fault("max: %d: want 0 to 2^53-1", m.Max)
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
