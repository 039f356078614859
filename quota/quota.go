package quota

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/store"
)

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("quota: invalid")

// MaxName is the maximum length of a quota's name in bytes.
const MaxName = 128

// Quota is an allowance of units for each window of the calendar.
type Quota struct {
	// Name is 1 to MaxName visible ASCII characters or spaces. The default is the name of
	// the period, after the Unit and a "/" if it has one: "day", "input_tokens/day". Headers
	// and errors show it.
	//
	// The count of a window belongs to the name, the Unit, the Period, and the instant at
	// which the window begins. A quota under another name, or with another Unit or Period,
	// starts with nothing used. So does a quota with another StartDay or Location, unless
	// its window begins at the same instant as the old one.
	Name string

	// Limit is the number of units in a window, 0 to 2^53-2. Zero refuses everything.
	Limit int64

	// Unit is what a plan counts: see usageplan.Units. It has 1 to 32 lower-case ASCII
	// letters, digits and '_', and begins with a letter. The default is "requests". A
	// Counter of this package counts the units that its caller names, whatever the Unit is.
	Unit string

	// Period is the length of a window.
	Period Period

	// StartDay shifts the start of months and weeks.
	//
	// For a month it is the day of the month, 1 to 31; the default is 1. A shorter month
	// starts on its last day. For a week it is the time.Weekday, 0 (Sunday) to 6. For any
	// other period it must be zero.
	StartDay int

	// Location is the time zone of the calendar. The default is UTC. It must come from
	// time.LoadLocation, since a stored quota holds only the zone's name; for a fixed offset
	// use a zone such as Etc/GMT-2. time.Local is invalid, since it differs between
	// machines.
	Location *time.Location

	// Soft makes the quota count and never refuse. If it would have refused a request, the
	// Level has the Wait, and a gate.Decision has the limit in WouldRefuse. So a limit can
	// be tried before it bites. A soft quota that becomes a hard one keeps its count.
	Soft bool
}

// Validate reports every fault of q at once. The error wraps ErrInvalid.
func (q Quota) Validate() error {
	var errs []error
	if !nameable(q.Name) {
		errs = append(errs, fmt.Errorf("name: %.100q: want up to %d visible ASCII characters or spaces", q.Name, MaxName))
	}
	if strings.HasSuffix(q.Name, softSuffix) { // it was meant to be soft
		errs = append(errs, fmt.Errorf("name: %.100q: want no %q at its end: that stands before %q", q.Name, softSuffix, " as "))
	}
	if q.Limit < 0 || q.Limit >= store.Unlimited {
		errs = append(errs, fmt.Errorf("limit: %d: want 0 to 2^53-2", q.Limit))
	}
	if !IsUnit(q.Unit) {
		errs = append(errs, fmt.Errorf("unit: %.40q: %s", q.Unit, UnitRule))
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

// nameable reports whether s can be a structured-field string (RFC 9651) of at most
// MaxName bytes.
func nameable(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(s) <= MaxName
}

// NameOrPeriod returns the Name of the quota, or its default.
func (q Quota) NameOrPeriod() string {
	switch {
	case q.Name != "":
		return q.Name
	case q.counts():
		return q.Unit + "/" + q.Period.String()
	}
	return q.Period.String()
}

// counts reports whether q counts a unit other than requests.
func (q Quota) counts() bool { return q.Unit != "" && q.Unit != requests }

// meterName returns the name under which a store counts: "day", "NAME/day", "day UNIT" or
// "NAME/day UNIT". It holds the period. Otherwise the count of a day would go on as that
// of a month if a plan changes the period on the first, when both windows begin at one
// instant. It holds the unit after a space, which neither a period nor a unit has. So two
// quotas never have one meter, whatever their names are.
func (q Quota) meterName() string {
	if q.Limit == store.Unlimited { // a usage record, which is always by the day
		return q.Name
	}
	name := q.Period.String()
	if own := q.Name; own != "" && own != (Quota{Unit: q.Unit, Period: q.Period}).NameOrPeriod() {
		name = own + "/" + name
	}
	if q.counts() {
		name += " " + q.Unit
	}
	return name
}

// Meter returns the meter of the window that at is in. The window can be read and
// refunded until keep after its end. The result is meaningless if q is invalid; call
// Validate first.
//
// Caution: a window that the store has forgotten can be used a second time. If clocks
// differ by more than keep, or a clock is set back by more, a process whose clock is
// behind finds its window empty again.
func (q Quota) Meter(at time.Time, keep time.Duration) store.Meter {
	start, end := q.Window(at)
	return store.Meter{Name: q.meterName(), Max: q.Limit, Start: start.Unix(), End: end.Unix(), Keep: keep, Soft: q.Soft}
}
