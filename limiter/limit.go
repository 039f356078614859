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

// Limit is a token bucket: Rate tokens a second flow into it, Burst is how many it holds,
// and it is full at first. Over any time T it lets through at most Burst + Rate*T.
//
// A Burst of 0 beside a Rate is the default, which is what the Rate allows in a second,
// rounded up. It does not refuse everything: an allowance that names a rate means that
// rate.
//
// The zero Limit refuses everything, so that a limit that was forgotten is never mistaken
// for none: a Rate of 0 blocks, whatever the Burst. A Rate of rate.Inf is no limit at
// all, whatever the Burst.
type Limit struct {
	// Rate is tokens a second: 0, 1e-8 (one in three years) to 1e12, or rate.Inf. Fractions
	// are exact to one part in 10^9.
	Rate rate.Limit

	// Burst is the most tokens at one moment, and the most that one request can cost. The
	// default is the Rate of one second, rounded up.
	Burst int
}

// PerSecond is n a second, and as many at one moment.
func PerSecond(n int) Limit { return Limit{rate.Limit(n), n} }

// PerMinute is n a minute, and as many at one moment.
func PerMinute(n int) Limit { return Limit{rate.Limit(n) / 60, n} }

// Unlimited says whether l is no limit at all.
func (l Limit) Unlimited() bool { return l.Rate == rate.Inf }

// Validate reports every fault of l at once; the error wraps ErrInvalid.
func (l Limit) Validate() error {
	_, err := l.bucket()
	return err
}

// Meter is the bucket of this name that enforces l. A limit that is Unlimited has none:
// that is an error, as is one that Validate faults, and a name that is not 1 to
// store.MaxName bytes. Errors wrap ErrInvalid.
func (l Limit) Meter(name string) (store.Meter, error) {
	m, err := l.bucket()
	switch {
	case err != nil:
		return store.Meter{}, err
	case l.Unlimited():
		return store.Meter{}, fmt.Errorf("%w limit: unlimited: want a rate to make a meter of", ErrInvalid)
	case len(name) == 0 || len(name) > store.MaxName:
		return store.Meter{}, fmt.Errorf("%w name: %d bytes: want 1 to %d", ErrInvalid, len(name), store.MaxName)
	}
	m.Name = name
	return m, nil
}

// bucket is the meter of a limit without faults, but for its name; one that blocks or is
// Unlimited holds nothing.
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
