package quota

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String is the text form of q, which ParseQuota reads back: "1000/day", "1000000/month start 15 in Europe/Berlin",
// "500/week start Monday", "5000/day as tokens".
func (q Quota) String() string {
	s := strconv.FormatInt(q.Limit, 10) + "/" + q.Period.String()
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
	if q.Name != "" {
		s += " as " + q.Name
	}
	return s
}

// ParseQuota reads the text form: a limit "/" a period, then, each if it is wanted and in this order, " start " and a day,
// " in " and an IANA zone, " as " and a name. What it returns is valid; the error wraps ErrInvalid. The zone has to be
// known to the program: where the system has no zone data, import time/tzdata.
func ParseQuota(text string) (q Quota, err error) {
	rest, name, named := strings.Cut(text, " as ")
	rest, zone, zoned := strings.Cut(rest, " in ")
	rest, day, starts := strings.Cut(rest, " start ")
	limit, period, _ := strings.Cut(rest, "/")
	fault := func(part, rule string) (Quota, error) {
		return Quota{}, fmt.Errorf("%w quota %.100q: %s: want %s", ErrInvalid, text, part, rule)
	}
	if q.Limit, err = strconv.ParseInt(limit, 10, 64); err != nil {
		return fault("limit", "a form like 1000/day")
	}
	if q.Period, err = ParsePeriod(period); err != nil {
		return fault("period", "minute, hour, day, week, month or year")
	}
	if starts && !q.start(day) {
		return fault("start", "a day of the month, 1 to 31, or of the week")
	}
	if zoned {
		if q.Location, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			return fault("zone", "an IANA name like Europe/Berlin that this program knows (time/tzdata has all)")
		}
	}
	if q.Name = name; named && name == "" {
		return fault("name", "one")
	}
	if err := q.Validate(); err != nil {
		return Quota{}, err
	}
	return q, nil
}

// start reads the day of a month or a week.
func (q *Quota) start(day string) bool {
	if q.Period == Week {
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.EqualFold(day, d.String()) {
				q.StartDay = int(d)
				return true
			}
		}
		return false
	}
	n, err := strconv.Atoi(day)
	q.StartDay = n
	return err == nil && n >= 1
}

// MarshalText is String. A quota that is not valid is an error, as is one in time.Local or a fixed zone, which have no
// name that another machine understands.
func (q Quota) MarshalText() ([]byte, error) {
	if _, err := ParseQuota(q.String()); err != nil {
		return nil, err
	}
	return []byte(q.String()), nil
}

// UnmarshalText is ParseQuota.
func (q *Quota) UnmarshalText(text []byte) error {
	parsed, err := ParseQuota(string(text))
	if err == nil {
		*q = parsed
	}
	return err
}
