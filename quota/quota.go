package quota

import (
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/store"
)

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("quota: invalid")

// MaxName is the most bytes of a quota's name.
const MaxName = 64

// Quota is an allowance of units in each window of the calendar.
type Quota struct {
	// Name is what the count belongs to, and what headers and errors call it: 1 to MaxName
	// visible ASCII characters or spaces; "": the period's name. The count of a window
	// belongs to the name and to the instant at which the window begins. A quota under
	// another name starts with nothing used. So does one with another Period, StartDay or
	// Location, unless its window begins at the same instant as the old one.
	Name string

	// Limit is the units of a window, 0 to 2^53-2. Zero refuses everything.
	Limit int64

	// Period is the length of a window.
	Period Period

	// StartDay shifts months and weeks: the day of the month on which a month begins, 1 to
	// 31 (zero: 1), in a shorter month its last day; the time.Weekday on which a week
	// begins, 0 (Sunday) to 6. Zero for any other period.
	StartDay int

	// Location is whose calendar it is; nil: UTC. It is one of time.LoadLocation, since a
	// stored quota has only its name: for a fixed offset take a zone such as Etc/GMT-2. Not
	// time.Local, which is another one on each machine.
	Location *time.Location
}

// Validate reports every fault of q at once; the error wraps ErrInvalid.
func (q Quota) Validate() error {
	var errs []error
	if !nameable(q.Name) {
		errs = append(errs, fmt.Errorf("name: %.100q: want up to %d visible ASCII characters or spaces", q.Name, MaxName))
	}
	if q.Limit < 0 || q.Limit >= store.Unlimited {
		errs = append(errs, fmt.Errorf("limit: %d: want 0 to 2^53-2", q.Limit))
	}
	if !q.Period.valid() {
		errs = append(errs, fmt.Errorf("period: %d: want one of Minute to Year", q.Period))
	}
	if last := q.Period.lastStartDay(); q.StartDay < 0 || q.StartDay > last {
		errs = append(errs, fmt.Errorf("start day: %d: want 0 to %d for a %v", q.StartDay, last, q.Period))
	}
	return fault.Report(ErrInvalid, "quota", append(errs, zoneFault(q.Location))...)
}

func (p Period) lastStartDay() int {
	switch p {
	case Week:
		return 6
	case Month:
		return 31
	}
	return 0
}

// nameable says whether s can be a structured-field string (RFC 9651) of our length.
func nameable(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(s) <= MaxName
}

// name is the quota's own, or the period's.
func (q Quota) name() string {
	if q.Name != "" {
		return q.Name
	}
	return q.Period.String()
}

// Meter returns the window of at, which can be read and given back to for keep after its
// end. Of a quota that Validate faults it is a meter that no store takes, or that of
// another quota.
//
// A window that is forgotten can be had again. Where clocks differ by more than keep, or
// are set back by more, a process whose clock is behind finds its window empty a second
// time.
func (q Quota) Meter(at time.Time, keep time.Duration) store.Meter {
	start, end := q.Window(at)
	return store.Meter{Name: q.name(), Max: q.Limit, Start: start.Unix(), End: end.Unix(), Keep: keep}
}
