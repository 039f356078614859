package quota

import (
	"fmt"
	"strings"
)

// Period is the length of a quota's windows by the calendar. The zero Period is none, and not valid.
type Period uint8

// The periods.
const (
	Minute Period = iota + 1
	Hour
	Day
	Week
	Month
	Year
)

var periods = [...]string{Minute: "minute", Hour: "hour", Day: "day", Week: "week", Month: "month", Year: "year"}

// String is the period in lower case.
func (p Period) String() string {
	if p == 0 || int(p) >= len(periods) {
		return fmt.Sprintf("period(%d)", uint8(p))
	}
	return periods[p]
}

// ParsePeriod reads a period in any case: "day", "DAY". The error wraps ErrInvalid.
func ParsePeriod(text string) (Period, error) {
	for p := Minute; p <= Year; p++ {
		if strings.EqualFold(text, periods[p]) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%w period %.50q: want minute, hour, day, week, month or year", ErrInvalid, text)
}

// MarshalText is String. A period that is not valid is an error.
func (p Period) MarshalText() ([]byte, error) {
	if p == 0 || p > Year {
		return nil, fmt.Errorf("%w period %d", ErrInvalid, uint8(p))
	}
	return []byte(p.String()), nil
}

// UnmarshalText is ParsePeriod.
func (p *Period) UnmarshalText(text []byte) error {
	parsed, err := ParsePeriod(string(text))
	if err == nil {
		*p = parsed
	}
	return err
}
