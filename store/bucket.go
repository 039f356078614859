package store

import (
	"math"
	"math/bits"
	"time"
)

// Bucket is the state of a token bucket: Tokens whole ones and Part/Per of another, at
// the instant Last in microseconds on the clock it refills by. The zero Bucket is full.
// No figure of the limit is in it; Per is only the denominator in which Part is written.
//
// Its methods are pure: they return the new state, and a store keeps it. The products in
// them stay at or below MaxUnits.
type Bucket struct{ Tokens, Part, Per, Last int64 }

// Take is the whole rule of a token bucket: the state after taking n at now, what to
// report, and whether it fits. A store keeps the state only if n is not zero and every
// meter of the charge fits.
//
// From a full bucket on, for as long as it is not full again, taken and held tokens
// together are Max + floor(Rate*time): exactly, at any rate and however often it was
// asked.
func (b Bucket) Take(m *Meter, now, n int64) (Bucket, Level, bool) {
	if now < b.Last {
		next, l, ok := b.Take(m, b.Last, n)
		return next, l.later(b.Last - now), ok
	}
	b = b.refill(m, now)
	l, ok := Level{Max: m.Max}, n <= b.Tokens
	switch {
	case !ok:
		l.Wait = b.wait(m, n)
	case n < b.Tokens-m.Max: // gives back more than is missing; this way round cannot overflow
		b.Tokens, b.Part = m.Max, 0
	default:
		b.Tokens -= n
		if b.Tokens == m.Max {
			b.Part = 0
		}
	}
	l.Used, l.Reset = m.Max-b.Tokens, b.wait(m, m.Max)
	return b, l, ok
}

// Set is the state that holds n tokens at now, at most the capacity and at least none,
// and what to report.
func (b Bucket) Set(m *Meter, now, n int64) (Bucket, Level) {
	if now < b.Last {
		next, l := b.Set(m, b.Last, n)
		return next, l.later(b.Last - now)
	}
	b = b.refill(m, now)
	b.Tokens, b.Part = min(max(n, 0), m.Max), 0
	return b, Level{Max: m.Max, Used: m.Max - b.Tokens, Reset: b.wait(m, m.Max)}
}

// FullAt is the instant, in microseconds on the bucket's clock, from which b under m is
// as good as a bucket that was never used, if nobody charges it: a store may forget it
// then. math.MaxInt64 if that never comes.
func (b Bucket) FullAt(m *Meter) int64 {
	if b.Per == 0 || b.Tokens >= m.Max {
		return b.Last
	}
	if m.Rate.Tokens == 0 {
		return math.MaxInt64
	}
	b = b.rescale(max(m.Rate.Per, 1))
	return b.Last + b.micros(m, m.Max)
}

// later is l for a clock that stepped back: it must first reach the bucket's Last again,
// so many microseconds later. Time that went back mints nothing. What is longer than a
// Duration can say is Never.
func (l Level) later(micros int64) Level {
	for _, d := range []*time.Duration{&l.Wait, &l.Reset} {
		us := uint64(*d/time.Microsecond) + uint64(micros) // right even where micros is beyond an int64
		switch {
		case *d == 0:
		case *d == Never || us > uint64(Never/time.Microsecond):
			*d = Never
		default:
			*d = time.Duration(us) * time.Microsecond
		}
	}
	return l
}

// refill brings b to now, which is not before b.Last.
func (b Bucket) refill(m *Meter, now int64) Bucket {
	per := max(m.Rate.Per, 1)
	if b.Per == 0 || b.Tokens >= m.Max {
		return Bucket{m.Max, 0, per, now}
	}
	b = b.rescale(per)
	if m.Rate.Tokens > 0 {
		need := (m.Max-b.Tokens)*per - b.Part
		over, gain := bits.Mul64(uint64(now-b.Last), uint64(m.Rate.Tokens))
		if over != 0 || gain >= uint64(need) {
			return Bucket{m.Max, 0, per, now}
		}
		acc := int64(gain) + b.Part   // less than (Max-Tokens)*per
		if b.Part = acc; acc >= per { // a division is a good part of a decision
			b.Tokens, b.Part = b.Tokens+acc/per, acc%per
		}
	}
	b.Last = now
	return b
}

// rescale writes the fraction in another denominator, rounded down, for a rate that was
// changed.
func (b Bucket) rescale(per int64) Bucket {
	if b.Per != per {
		b.Part = min(int64(math.Floor(float64(b.Part)/float64(b.Per)*float64(per))), per-1)
		b.Per = per
	}
	return b
}

// wait is the time until b holds n tokens, rounded up to the microsecond.
func (b Bucket) wait(m *Meter, n int64) time.Duration {
	switch {
	case n <= b.Tokens:
		return 0
	case n > m.Max || m.Rate.Tokens == 0:
		return Never
	}
	return time.Duration(b.micros(m, n)) * time.Microsecond // of at most MaxUnits: it fits
}

// micros is the microseconds until b, which holds fewer, holds n tokens.
func (b Bucket) micros(m *Meter, n int64) int64 {
	missing := (n-b.Tokens)*b.Per - b.Part
	if m.Rate.Tokens == 1 { // as most rates are
		return missing
	}
	return (missing-1)/m.Rate.Tokens + 1
}
