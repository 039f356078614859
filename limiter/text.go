package limiter

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/time/rate"
)

// units of the text form, and their seconds.
var units = [...]struct {
	name    string
	seconds float64
}{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}

// String is the text form of l, which ParseLimit reads back to the same Limit: "100/s burst 200", "blocked", "unlimited".
// The unit of time is the one in which the number is shortest.
func (l Limit) String() string {
	var text string
	switch {
	case l.Rate == 0:
		text = "blocked"
	case l.Unlimited():
		text = "unlimited"
	default:
		for _, u := range units {
			n := strconv.FormatFloat(float64(l.Rate)*u.seconds, 'g', -1, 64)
			back, err := strconv.ParseFloat(n, 64)
			if s := n + "/" + u.name; err == nil && rate.Limit(back/u.seconds) == l.Rate && (text == "" || len(s) < len(text)) {
				text = s
			}
		}
		return text + " burst " + strconv.Itoa(l.Burst)
	}
	if l.Burst != 0 {
		text += " burst " + strconv.Itoa(l.Burst)
	}
	return text
}

// ParseLimit reads the text form: a number "/" a unit of s, m, h or d, then " burst " and a number; without a burst it is
// the number, rounded up. "blocked" and "unlimited" may have a burst too, which means nothing. What it returns is valid;
// the error wraps ErrInvalid.
func ParseLimit(text string) (Limit, error) {
	l, ok := parse(text)
	if !ok {
		return Limit{}, fmt.Errorf("%w limit %.100q: want a form like %q", ErrInvalid, text, "100/s burst 200")
	}
	return l, l.Validate()
}

func parse(text string) (l Limit, ok bool) {
	pace, burst, hasBurst := strings.Cut(text, " burst ")
	switch pace {
	case "blocked":
	case "unlimited":
		l.Rate = rate.Inf
	default:
		number, unit, _ := strings.Cut(pace, "/")
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return Limit{}, false
		}
		for _, u := range units {
			if u.name == unit {
				l, ok = Limit{rate.Limit(n / u.seconds), fullBurst(n)}, true
			}
		}
		if !ok {
			return Limit{}, false
		}
	}
	if hasBurst {
		n, err := strconv.Atoi(burst)
		if err != nil {
			return Limit{}, false
		}
		l.Burst = n
	}
	return l, true
}

// MarshalText is String. A limit that is not valid is an error.
func (l Limit) MarshalText() ([]byte, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	return []byte(l.String()), nil
}

// UnmarshalText is ParseLimit.
func (l *Limit) UnmarshalText(text []byte) error {
	parsed, err := ParseLimit(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}
