package limiter

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/time/rate"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/store"
)

// Words of the text form.
const (
	blocked   = "blocked"
	unlimited = "unlimited"
)

// mostBurst bounds the burst that a text without one gets. No rate allows a greater
// burst.
const mostBurst = min(store.MaxUnits, math.MaxInt)

// units are the units of time in the text form, with their seconds.
var units = [...]struct {
	name, long string
	seconds    float64
}{{"s", "second", 1}, {"m", "minute", 60}, {"h", "hour", 3600}, {"d", "day", 86400}}

// String returns the text form of l, such as "100/s burst 200", "blocked" or "unlimited".
// Parse reads it back to the same Limit. String picks the unit of time in which the
// number is shortest.
func (l Limit) String() string {
	var text string
	switch {
	case l.Rate > 0 && !l.Unlimited():
		return shortest(l.Rate) + " burst " + strconv.Itoa(l.Burst)
	case l.Unlimited():
		text = unlimited
	case l.Rate == 0:
		text = blocked
	default: // invalid
		text = fmt.Sprintf("%v/s", float64(l.Rate))
	}
	if l.Burst != 0 {
		text += " burst " + strconv.Itoa(l.Burst)
	}
	return text
}

// shortest returns the shortest text that Parse reads back to exactly r. In a unit above
// the second the product is rounded, and its shortest text may have more digits than the
// number that was meant. So fewer digits are tried first.
func shortest(r rate.Limit) (text string) {
	for _, u := range units {
		for precision := 1; precision <= 17; precision++ {
			n, _ := strconv.ParseFloat(strconv.FormatFloat(float64(r)*u.seconds, 'e', precision-1, 64), 64)
			if rate.Limit(n/u.seconds) != r {
				continue
			}
			if s := strconv.FormatFloat(n, 'f', -1, 64) + "/" + u.name; text == "" || len(s) < len(text) {
				text = s
			}
			break
		}
	}
	return text
}

// Parse reads the text form of a Limit: a number, "/" and a unit, then optionally "burst"
// and a whole number. The units are s, m, h and d (86,400 seconds), or second, minute,
// hour and day. Without a burst, the burst is the first number, rounded up. The words
// "blocked", which means "0/s", and "unlimited" may also have a burst, which has no
// effect. A burst of 0 beside a rate means the default of Limit.
//
// The returned Limit is valid. Errors wrap ErrInvalid.
func Parse(text string) (Limit, error) {
	l, err := parseForm(text)
	if err != nil {
		return Limit{}, fmt.Errorf("%w limit %.100q: %w", ErrInvalid, text, err)
	}
	if err := l.Validate(); err != nil {
		return Limit{}, err
	}
	return l, nil
}

func parseForm(text string) (l Limit, err error) {
	rateText, burst, hasBurst := strings.Cut(text, " burst ")
	switch rateText {
	case blocked:
	case unlimited:
		l.Rate = rate.Inf
	default:
		if l, err = parseRate(rateText); err != nil {
			return Limit{}, err
		}
	}
	if hasBurst {
		if l.Burst, err = strconv.Atoi(burst); err != nil {
			return Limit{}, fault.Number("burst", burst, "a whole number", err)
		}
	}
	return l, nil
}

// parseRate reads the part before " burst ", such as "100/s". The burst of its result is
// the one of a text that names none.
func parseRate(rateText string) (Limit, error) {
	number, unit, _ := strings.Cut(rateText, "/")
	for _, u := range units {
		if (u.name == unit || u.long == unit) && strings.Trim(number, "0123456789.") == "" {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return Limit{}, fault.Number("rate", number, "a number", err)
			}
			l := Limit{Rate: rate.Limit(n / u.seconds)}
			if l.Rate == 0 && strings.Trim(number, "0.") != "" {
				return Limit{}, errors.New("rate: too small to tell from 0, which blocks")
			}
			l.Burst = int(min(math.Ceil(n), mostBurst))
			return l, nil
		}
	}
	return Limit{}, fmt.Errorf("want a form like %q, with second, minute, hour or day; or %q, or %q", "100/second burst 200", unlimited, blocked)
}

// MarshalText returns the text form of l. An invalid limit is an error.
func (l Limit) MarshalText() ([]byte, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	return []byte(l.String()), nil
}

// UnmarshalText sets l to what Parse returns. After an error, l is unchanged.
func (l *Limit) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}
