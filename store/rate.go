package store

import (
	"fmt"
	"math"
)

// RateOf returns the simplest Rate within one part in 10^9 of perSecond. It accepts 0 and
// 1e-8 (one in three years) to 1e12. Anything else, including NaN, is an error.
//
// For every such rate, buckets of at least 50 tokens are exact. For one a day, buckets of
// 104,000 tokens are. For whole numbers a second, buckets of more than nine thousand
// million tokens are.
func RateOf(perSecond float64) (Rate, error) {
	if perSecond == 0 {
		return Rate{}, nil
	}
	if !(perSecond >= 1e-8 && perSecond <= 1e12) {
		return Rate{}, fmt.Errorf("rate %v per second: want 0, or 1e-8 to 1e12", perSecond)
	}
	x := perSecond / 1e6 // tokens per microsecond, approximated by its continued fraction
	var p0, q0, p1, q1 int64 = 0, 1, 1, 0
	for y := x; ; {
		a := math.Floor(y)
		p0, q0, p1, q1 = p1, q1, int64(a)*p1+p0, int64(a)*q1+q0
		if math.Abs(float64(p1)/float64(q1)-x) <= x*1e-9 {
			return Rate{p1, q1}, nil
		}
		y = 1 / (y - a)
	}
}

// PerSecond returns r in tokens a second, for people and for headers.
func (r Rate) PerSecond() float64 {
	if r.Per == 0 {
		return 0
	}
	return float64(r.Tokens) / float64(r.Per) * 1e6
}
