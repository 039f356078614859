package store

import (
	"math"
	"math/bits"
	"time"
)

// A Bucket has the state of a token bucket. It holds Tokens whole tokens and the fraction
// Part/Per of another one. Last is the instant of that state, in microseconds on the
// clock by which the bucket refills. The zero Bucket is full. A Bucket holds no figure of
// the limit; Per is only the denominator of the fraction.
//
// The methods are pure: they return the new state, and a store keeps it. Their
// intermediate products do not exceed MaxUnits.
type Bucket struct{ Tokens, Part, Per, Last int64 }

// Take applies a charge of n tokens at the instant now. It returns the new state, the
// level to report, and whether the charge fits. A store keeps the new state only if n is
// not zero and every meter of the charge fits.
//
// From the time a bucket is full until it is full again, the tokens taken and the tokens
// still held add up to Max + floor(Rate*time). This is exact at any rate, however often
// the bucket was asked.
func (b Bucket) Take(m *Meter, now, n int64) (next Bucket, l Level, ok bool) {
	ok = b.Spend(m, now, n, &l)
	return b, l, ok
}

// Set returns the state that holds n tokens at the instant now, and the level to report.
// An n below zero counts as zero, and one above the capacity as the capacity.
func (b Bucket) Set(m *Meter, now, n int64) (next Bucket, l Level) {
	at := max(now, b.Last)
	b.refill(m, at)
	b.Tokens, b.Part = min(max(n, 0), m.Max), 0
	l = Level{Max: m.Max, Used: m.Max - b.Tokens, Reset: b.wait(m, m.Max)}
	l.addWait(at - now)
	return b, l
}

// Spend does what Take does, in place: b becomes the new state, and l the level. It is
// for stores that decide so fast that copies of these cost more than the arithmetic.
func (b *Bucket) Spend(m *Meter, now, n int64, l *Level) (ok bool) {
	at := max(now, b.Last)
	b.refill(m, at)
	l.Max, l.Wait = m.Max, 0
	switch ok = n <= b.Tokens; {
	case !ok:
		l.Wait, ok = b.wait(m, n), m.Soft
	case n < b.Tokens-m.Max:
		// gives back more than is missing; written so that it cannot overflow
		b.Tokens, b.Part = m.Max, 0
	default:
		b.Tokens -= n
		if b.Tokens == m.Max {
			b.Part = 0
		}
	}
	l.Used, l.Reset = m.Max-b.Tokens, b.wait(m, m.Max)
	if at != now {
		l.addWait(at - now)
	}
	return ok
}

// FullAt returns the instant from which b, under m and without further charges, equals a
// bucket that was never used. A store may forget it then. The instant is in microseconds
// on the bucket's clock. It is math.MaxInt64 if the bucket never refills.
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

// addWait extends the durations of l for a clock that stepped back by micros. The bucket
// refills only after the clock has reached Last again, so that a step back adds no
// tokens. A sum that exceeds a Duration becomes Never.
func (l *Level) addWait(micros int64) {
	for _, d := range []*time.Duration{&l.Wait, &l.Reset} {
		// correct even where micros overflows an int64
		us := uint64(*d/time.Microsecond) + uint64(micros)
		switch {
		case *d == 0:
		case *d == Never || us > uint64(Never/time.Microsecond):
			*d = Never
		default:
			*d = time.Duration(us) * time.Microsecond
		}
	}
}

// refill brings b to now, which is not before b.Last.
func (b *Bucket) refill(m *Meter, now int64) {
	per := max(m.Rate.Per, 1)
	if b.Per == 0 || b.Tokens >= m.Max {
		*b = Bucket{m.Max, 0, per, now}
		return
	}
	if b.Per != per {
		*b = b.rescale(per)
	}
	if m.Rate.Tokens > 0 {
		need := (m.Max-b.Tokens)*per - b.Part
		over, gain := bits.Mul64(uint64(now-b.Last), uint64(m.Rate.Tokens))
		if over != 0 || gain >= uint64(need) {
			*b = Bucket{m.Max, 0, per, now}
			return
		}
		acc := int64(gain) + b.Part   // less than (Max-Tokens)*per
		if b.Part = acc; acc >= per { // the division is slow, and most charges do not need it
			b.Tokens, b.Part = b.Tokens+acc/per, acc%per
		}
	}
	b.Last = now
}

// rescale returns b with its fraction in another denominator, rounded down, for a rate
// that has changed.
func (b Bucket) rescale(per int64) Bucket {
	if b.Per != per {
		b.Part = min(int64(math.Floor(float64(b.Part)/float64(b.Per)*float64(per))), per-1)
		b.Per = per
	}
	return b
}

// wait returns the time until b holds n tokens, rounded up to the microsecond.
func (b *Bucket) wait(m *Meter, n int64) time.Duration {
	switch {
	case n <= b.Tokens:
		return 0
	case n > m.Max || m.Rate.Tokens == 0:
		return Never
	}
	// at most MaxUnits microseconds, which fits
	return time.Duration(b.micros(m, n)) * time.Microsecond
}

// micros returns the microseconds until b, which holds fewer, holds n tokens.
func (b *Bucket) micros(m *Meter, n int64) int64 {
	missing := (n-b.Tokens)*b.Per - b.Part
	if m.Rate.Tokens == 1 { // true of most rates
		return missing
	}
	return (missing-1)/m.Rate.Tokens + 1
}
