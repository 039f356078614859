package quota

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/internal/fault"
)

// softSuffix marks a soft quota in the text form.
const softSuffix = " soft"

// String returns the text form of q, which Parse reads back: "1000/day", "500/week start
// Monday", "1000000/month start 15 in Europe/Berlin", "5000/day as orders", "200000
// input_tokens/day", "1000/day soft".
func (q Quota) String() string {
	s := strconv.FormatInt(q.Limit, 10)
	if q.Unit != "" {
		s += " " + q.Unit
	}
	s += "/" + q.Period.String()
	switch {
	case q.StartDay == 0:
	case q.Period == Week:
		s += " start " + time.Weekday(q.StartDay).String()
	default:
		s += " start " + strconv.Itoa(q.StartDay)
	}
	if q.Location != nil {
		s += " in " + q.Location.String()
	}
	if q.Soft {
		s += softSuffix
	}
	if q.Name != "" {
		s += " as " + q.Name
	}
	return s
}

// Parse reads the text form of a Quota: a limit, optionally a space and a unit, "/" and a
// period. Four optional parts may follow in this order: "start" and a day, "in" and an
// IANA zone, "soft", "as" and a name.
//
// The returned Quota is valid. Errors wrap ErrInvalid. The program must know the zone:
// where the system has no zone data, import time/tzdata.
func Parse(text string) (Quota, error) {
	q, err := parseForm(text)
	if err != nil {
		return Quota{}, fmt.Errorf("%w quota %.200q: %w", ErrInvalid, text, err)
	}
	if err := q.Validate(); err != nil {
		return Quota{}, err
	}
	return q, nil
}

func parseForm(text string) (q Quota, err error) {
	rest, name, named := strings.Cut(text, " as ")
	rest, q.Soft = strings.CutSuffix(rest, softSuffix)
	rest, zone, zoned := strings.Cut(rest, " in ")
	rest, day, starts := strings.Cut(rest, " start ")
	limit, period, found := strings.Cut(rest, "/")
	if !found {
		return q, errors.New(`want a limit, "/" and a period, as in 1000/day`)
	}
	if number, unit, found := strings.Cut(limit, " "); found && unit != "" {
		if !IsUnit(unit) {
			return q, fmt.Errorf("unit: %.40q: %s", unit, UnitRule)
		}
		limit, q.Unit = number, unit
	}
	if q.Limit, err = strconv.ParseInt(limit, 10, 64); err != nil {
		return q, fault.Number("limit", limit, "a whole number, as in 1000/day", err)
	}
	if q.Period, err = parsePeriod(period); err != nil {
		return q, err
	}
	if starts {
		if q.StartDay, err = parseDay(q.Period, day); err != nil {
			return q, err
		}
	}
	if zoned {
		if q.Location, err = loadZone(zone); err != nil {
			return q, err
		}
	}
	if q.Name = name; named && name == "" {
		return q, fmt.Errorf("name: want one after %q", " as ")
	}
	return q, nil
}

// parseDay reads the day on which a week or a month starts.
func parseDay(p Period, day string) (int, error) {
	switch n, err := strconv.Atoi(day); {
	case p == Week:
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.EqualFold(day, d.String()) {
				return int(d), nil
			}
		}
		return 0, fmt.Errorf("start day: %q: want Sunday to Saturday", day)
	case p != Month:
		return 0, fmt.Errorf("start day: %q: want none for a %v", day, p)
	case err != nil || n < 1 || n > p.lastStartDay():
		return 0, fmt.Errorf("start day: %q: want 1 to %d", day, p.lastStartDay())
	default:
		return n, nil
	}
}

// MarshalText returns the text form of q. An invalid quota is an error.
func (q Quota) MarshalText() ([]byte, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	return []byte(q.String()), nil
}

// UnmarshalText sets q to what Parse returns. After an error, q is unchanged.
func (q *Quota) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err == nil {
		*q = parsed
	}
	return err
}
