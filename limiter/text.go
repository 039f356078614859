package limiter

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/time/rate"

	"github.com/ration-go/ration/store"
)

// Limits that are a word in the text form.
const (
	blocked   = "blocked"
	unlimited = "unlimited"
)

// mostBurst is the greatest burst that a text may mean without saying it; every rate
// refuses a greater one.
const mostBurst = min(store.MaxUnits, math.MaxInt)

// units of the text form, and their seconds.
var units = [...]struct {
	name    string
	seconds float64
}{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}

// String is the text form of l, which Parse reads back to the same Limit: "100/s
// burst 200", "blocked", "unlimited". The unit of time is the one in which the number is
// shortest.
func (l Limit) String() string {
	var text string
	switch {
	case l.Rate > 0 && !l.Unlimited():
		return shortest(l.Rate) + " burst " + strconv.Itoa(l.Burst)
	case l.Unlimited():
		text = unlimited
	case l.Rate == 0:
		text = blocked
	default: // not valid
		text = fmt.Sprintf("%v/s", float64(l.Rate))
	}
	if l.Burst != 0 {
		text += " burst " + strconv.Itoa(l.Burst)
	}
	return text
}

// shortest is the text of a rate that has the fewest characters and reads back as exactly
// it. In the units above a second the product is rounded, so that its shortest text may
// not be the number that was meant: fewer digits are tried first.
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

// Parse reads the text form: a number "/" a unit, which is s, m, h or d (86,400
// seconds), then " burst " and a whole number; without a burst it is the first number,
// rounded up. "blocked", which is "0/s", and "unlimited" may have a burst too, which
// means nothing. A burst of 0 beside a rate is Limit's default. What it returns is valid;
// the error wraps ErrInvalid.
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
	pace, burst, hasBurst := strings.Cut(text, " burst ")
	switch pace {
	case blocked:
	case unlimited:
		l.Rate = rate.Inf
	default:
		if l, err = parsePace(pace); err != nil {
			return Limit{}, err
		}
	}
	if hasBurst {
		if l.Burst, err = strconv.Atoi(burst); err != nil {
			return Limit{}, fmt.Errorf("burst: want a whole number: %w", err)
		}
	}
	return l, nil
}

// parsePace reads "100/s", and gives it the burst of a text that has none.
func parsePace(pace string) (Limit, error) {
	number, unit, _ := strings.Cut(pace, "/")
	for _, u := range units {
		if u.name == unit && strings.Trim(number, "0123456789.") == "" {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return Limit{}, fmt.Errorf("rate: %w", err)
			}
			l := Limit{Rate: rate.Limit(n / u.seconds)}
			if l.Rate == 0 && strings.Trim(number, "0.") != "" {
				return Limit{}, errors.New("rate: too small to tell from 0, which blocks")
			}
			l.Burst = int(min(math.Ceil(n), mostBurst))
			return l, nil
		}
	}
	return Limit{}, fmt.Errorf("want a form like %q, with s, m, h or d; or %q, or %q", "100/s burst 200", unlimited, blocked)
}

// MarshalText is String. A limit that is not valid is an error.
func (l Limit) MarshalText() ([]byte, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	return []byte(l.String()), nil
}

// UnmarshalText is Parse. After an error l is what it was.
func (l *Limit) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}
