package limiter

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/time/rate"

	"github.com/ration-go/ration/store"
)

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("limiter: invalid")

// Limit is a token bucket: Rate tokens a second flow into it, Burst is how many it holds, and it is full at first. Over any
// time T it lets through at most Burst + Rate*T.
//
// The zero Limit refuses everything, so that a limit that was forgotten is never mistaken for none: a Rate of 0 blocks,
// whatever the Burst. A Rate of rate.Inf is no limit at all, whatever the Burst.
type Limit struct {
	// Rate is tokens a second: 0, 1e-8 (one in three years) to 1e12, or rate.Inf. Fractions are exact to one part in 10^9.
	Rate rate.Limit

	// Burst is the most tokens at one moment, and the most that one request can cost: at least 1 if there is a Rate.
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
	var errs []error
	r, err := l.rate()
	if err != nil {
		errs = append(errs, err)
	}
	switch {
	case l.Burst < 0 || l.Burst > store.MaxUnits:
		errs = append(errs, fmt.Errorf("burst: %d: want 0 to 2^53-1", l.Burst))
	case l.Unlimited() || l.Rate == 0 || err != nil:
	case l.Burst == 0:
		errs = append(errs, fmt.Errorf("burst: 0 with a rate of %v: want at least 1 (a rate of 0 blocks)", float64(l.Rate)))
	case store.Check([]store.Meter{{Name: "burst", Max: int64(l.Burst), Rate: r}}) != nil:
		errs = append(errs, fmt.Errorf("burst: %d with a rate of %v: want at most %d: a smaller burst or a rounder rate",
			l.Burst, float64(l.Rate), (store.MaxUnits-r.Tokens)/r.Per))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w limit: %w", ErrInvalid, err)
	}
	return nil
}

func (l Limit) rate() (store.Rate, error) {
	if l.Unlimited() {
		return store.Rate{}, nil
	}
	r, err := store.RateOf(float64(l.Rate))
	if err != nil {
		return r, fmt.Errorf("rate: %v a second: want 0, 1e-8 to 1e12, or rate.Inf", float64(l.Rate))
	}
	return r, nil
}

// Meter is the bucket of this name that enforces l. A limit that is Unlimited has none: that is an error, as is one that
// Validate faults.
func (l Limit) Meter(name string) (store.Meter, error) {
	if err := l.Validate(); err != nil {
		return store.Meter{}, err
	}
	if l.Unlimited() {
		return store.Meter{}, fmt.Errorf("%w limit: unlimited: want a rate to make a meter of", ErrInvalid)
	}
	m := store.Meter{Name: name, Max: int64(l.Burst)}
	m.Rate, _ = l.rate()
	if l.Rate == 0 {
		m.Max = 0
	}
	return m, store.Check([]store.Meter{m})
}

// fullBurst is the burst of a text that gives none: the tokens of one unit of its time, at least one.
func fullBurst(tokens float64) int {
	return int(min(max(math.Ceil(tokens), 1), store.MaxUnits))
}
