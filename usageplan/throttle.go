package usageplan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// A Throttle is a token bucket that a plan has beside Plan.Throttle: for another unit, or
// a second one for requests, such as an hourly one beside one for bursts.
//
// Caution: a bucket never holds less than nothing, and gate.Gate.Settle takes nothing
// from one that has too little. If requests use more of a unit than the service has
// estimated, the throttle admits more than its rate. So estimate the most that a request
// can use.
//
// The JSON form of a Throttle is its text form, such as "100000 input_tokens/minute burst
// 20000" or "5000/hour as hourly".
type Throttle struct {
	// Limit must not be Unlimited. Its Burst is also the most that one request can use of
	// the Unit.
	limiter.Limit

	// Unit is what a request takes from the bucket: Requests, or a declared unit. The
	// default is Requests.
	Unit string

	// Name tells the throttles of a plan apart. Headers and errors show it. It has the rules
	// of quota.Quota.Name. The default is the Unit. A throttle under another Name has
	// another bucket.
	Name string

	// Soft makes the throttle count and never refuse, as quota.Quota.Soft does. A bucket
	// that has too few tokens for a request keeps them.
	Soft bool
}

// NameOrUnit returns the Name of the throttle, or its default, the unit.
func (t Throttle) NameOrUnit() string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Unit != "":
		return t.Unit
	}
	return Requests
}

// Validate reports every fault of t at once. The error wraps ErrInvalid.
func (t Throttle) Validate() error {
	errs := []error{fault.In("", t.Limit.Validate())}
	if t.Unlimited() {
		errs = append(errs, errors.New("rate: unlimited: want a rate, or no such throttle"))
	}
	if !quota.IsUnit(t.Unit) {
		errs = append(errs, fmt.Errorf("unit: %.40q: %s", t.Unit, quota.UnitRule))
	}
	if err := (quota.Quota{Name: t.Name, Period: quota.Day}).Validate(); err != nil {
		errs = append(errs, fault.In("", err))
	}
	return fault.Report(ErrInvalid, "throttle", errs...)
}

// String returns the text form of t, which ParseThrottle reads back.
func (t Throttle) String() string {
	s := t.Limit.String()
	if t.Unit != "" {
		if burst, blocked := strings.CutPrefix(s, "blocked"); blocked { // the same Limit
			s = "0/s" + burst
		}
		s = strings.Replace(s, "/", " "+t.Unit+"/", 1)
	}
	if t.Soft {
		s += " soft"
	}
	if t.Name != "" {
		s += " as " + t.Name
	}
	return s
}

// ParseThrottle reads the text form of a Throttle. It is that of limiter.Limit, except
// "unlimited". A space and a unit may follow the first number. At the end may stand
// " soft", and then " as " and a name.
//
// The returned Throttle is valid. Errors wrap ErrInvalid.
func ParseThrottle(text string) (Throttle, error) {
	t, err := parseThrottle(text)
	if err != nil {
		return Throttle{}, fmt.Errorf("%w throttle %.200q: %w", ErrInvalid, text, err)
	}
	if err := t.Validate(); err != nil {
		return Throttle{}, err
	}
	return t, nil
}

func parseThrottle(text string) (t Throttle, err error) {
	rest, name, named := strings.Cut(text, " as ")
	if named && name == "" {
		return Throttle{}, fmt.Errorf("name: want one after %q", " as ")
	}
	t.Name = name
	rest, t.Soft = strings.CutSuffix(rest, " soft")
	if number, tail, found := strings.Cut(rest, "/"); found {
		if before, unit, found := strings.Cut(number, " "); found && unit != "" {
			if !quota.IsUnit(unit) {
				return Throttle{}, fmt.Errorf("unit: %.40q: %s", unit, quota.UnitRule)
			}
			rest = before + "/" + tail
			t.Unit = unit
		}
	}
	t.Limit, err = limiter.Parse(rest)
	return t, err
}

// MarshalText returns the text form of t. An invalid throttle is an error.
func (t Throttle) MarshalText() ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return []byte(t.String()), nil
}

// UnmarshalText sets t to what ParseThrottle returns. After an error, t is unchanged.
func (t *Throttle) UnmarshalText(text []byte) error {
	parsed, err := ParseThrottle(string(text))
	if err == nil {
		*t = parsed
	}
	return err
}

// MustParseThrottle returns what ParseThrottle returns, for throttles that are constants
// of a program. It panics if ParseThrottle returns an error.
func MustParseThrottle(text string) Throttle {
	t, err := ParseThrottle(text)
	if err != nil {
		panic(err)
	}
	return t
}
