package quota

import (
	"fmt"
	"time"
)

// zone is q's, or UTC.
func (q Quota) zone() *time.Location {
	if q.Location == nil {
		return time.UTC
	}
	return q.Location
}

// load finds a zone by its IANA name.
func load(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("zone: %q: want an IANA name such as Europe/Berlin, or UTC", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone: %w: want an IANA name such as Europe/Berlin; where the system has no zone data, import time/tzdata", err)
	}
	return loc, nil
}

// zoneFault is the fault of a zone that cannot be found again by its name, such as one of
// time.FixedZone.
func zoneFault(loc *time.Location) error {
	if loc == nil || loc == time.UTC {
		return nil
	}
	found, err := load(loc.String())
	if err != nil {
		return err
	}
	for month := range time.Month(12) { // a fixed zone may have the name of one that changes its clocks
		t := time.Date(2025, 1+month, 1, 0, 0, 0, 0, time.UTC)
		if offset(t.In(loc)) != offset(t.In(found)) {
			return fmt.Errorf("zone: %v: is not the zone of this name, which time.LoadLocation gives", loc)
		}
	}
	return nil
}

// offset is the seconds by which the clocks of t's place are ahead of UTC.
func offset(t time.Time) int64 {
	_, seconds := t.Zone()
	return int64(seconds)
}

// until is an instant after t up to which the offset of t's place stays what it is at t;
// it need not change there.
func until(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return t.Add(1 << 62) // for good; 146 years do
	case !end.After(t): // by a zone's rules for future years, ZoneBounds ends every year after 365 days
		return t.Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return end
}
