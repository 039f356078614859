package quota

import (
	"fmt"
	"strings"
)

// Period is the length of a quota's windows by the calendar. The zero Period is invalid.
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

// String returns the period in lower case, such as "day".
func (p Period) String() string {
	if !p.valid() {
		return fmt.Sprintf("period(%d)", uint8(p))
	}
	return periods[p]
}

func (p Period) valid() bool { return p >= Minute && p <= Year }

// ParsePeriod reads a period in any case, such as "day" or "DAY". The error wraps
// ErrInvalid.
func ParsePeriod(text string) (Period, error) {
	p, err := parsePeriod(text)
	if err != nil {
		return 0, fmt.Errorf("%w %w", ErrInvalid, err)
	}
	return p, nil
}

func parsePeriod(text string) (Period, error) {
	for p := Minute; p <= Year; p++ {
		if strings.EqualFold(text, periods[p]) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("period: %.50q: want minute, hour, day, week, month or year", text)
}

// MarshalText returns what String returns. An invalid period is an error.
func (p Period) MarshalText() ([]byte, error) {
	if !p.valid() {
		return nil, fmt.Errorf("%w period: %d: want Minute to Year", ErrInvalid, uint8(p))
	}
	return []byte(p.String()), nil
}

// UnmarshalText sets p to what ParsePeriod returns. After an error, p is unchanged.
func (p *Period) UnmarshalText(text []byte) error {
	parsed, err := ParsePeriod(string(text))
	if err == nil {
		*p = parsed
	}
	return err
}
