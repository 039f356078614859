package limiter

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/time/rate"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/store"
)

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("limiter: invalid")

// Limit describes a token bucket. It gains Rate tokens a second, holds at most Burst
// tokens, and starts full. Over any time T it admits at most Burst + Rate*T tokens.
//
// A Burst of 0 beside a Rate means the default: what the Rate allows in one second,
// rounded up. It does not refuse everything.
//
// Caution: the text form has another default, which is its first number. Parse("100/m")
// has a burst of 100, and Limit{Rate: 100.0 / 60} a burst of 2.
//
// The zero Limit refuses everything, so that a forgotten limit is never mistaken for no
// limit: a Rate of 0 blocks, whatever the Burst is. A Rate of rate.Inf means no limit,
// whatever the Burst is.
type Limit struct {
	// Rate is in tokens a second: 0, 1e-8 (one in three years) to 1e12, or rate.Inf.
	// Fractions are exact to one part in 10^9.
	Rate rate.Limit

	// Burst is the capacity of the bucket, and so the most that one request can cost. The
	// default is what the Rate allows in one second, rounded up.
	Burst int
}

// PerSecond returns a Limit of n tokens a second with a burst of n.
func PerSecond(n int) Limit { return Limit{rate.Limit(n), n} }

// PerMinute returns a Limit of n tokens a minute with a burst of n.
func PerMinute(n int) Limit { return Limit{rate.Limit(n) / 60, n} }

// Unlimited reports whether l is no limit at all.
func (l Limit) Unlimited() bool { return l.Rate == rate.Inf }

// Validate reports every fault of l at once. The error wraps ErrInvalid.
func (l Limit) Validate() error {
	_, err := l.bucket()
	return err
}

// Meter returns the meter of the bucket that enforces l, under this name. It returns an
// error if l is invalid or Unlimited, or if the name is not 1 to store.MaxName bytes.
// Errors wrap ErrInvalid.
func (l Limit) Meter(name string) (store.Meter, error) {
	m, err := l.bucket()
	switch {
	case err != nil:
		return store.Meter{}, err
	case l.Unlimited():
		return store.Meter{}, fmt.Errorf("%w limit: unlimited: want a rate; there is nothing to count", ErrInvalid)
	case len(name) == 0 || len(name) > store.MaxName:
		return store.Meter{}, fmt.Errorf("%w name: %d bytes: want 1 to %d", ErrInvalid, len(name), store.MaxName)
	}
	m.Name = name
	return m, nil
}

// bucket returns the meter of l without its name. The meter of a limit that blocks or is
// Unlimited has no capacity.
func (l Limit) bucket() (m store.Meter, err error) {
	var errs []error
	if l.Burst < 0 {
		errs = append(errs, fmt.Errorf("burst: %d: want 0 or more", l.Burst))
	}
	if !l.Unlimited() && l.Rate != 0 {
		m.Max = int64(l.Burst)
		if m.Rate, err = store.RateOf(float64(l.Rate)); err != nil {
			errs = append(errs, fmt.Errorf("rate: %v a second: want 0, 1e-8 to 1e12, or rate.Inf", float64(l.Rate)))
		} else if most := (store.MaxUnits - m.Rate.Tokens) / m.Rate.Per; int64(l.Burst) > most {
			errs = append(errs, fmt.Errorf("burst: %d with a rate of %v: want at most %d: a smaller burst or a rounder rate",
				l.Burst, float64(l.Rate), most))
		} else if l.Burst == 0 {
			m.Max = min(int64(math.Ceil(float64(l.Rate))), most)
		}
	}
	return m, fault.Report(ErrInvalid, "limit", errs...)
}
