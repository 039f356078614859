package quota

import (
	"fmt"
	"time"
)

// zone returns the time zone of q.
func (q Quota) zone() *time.Location {
	if q.Location == nil {
		return time.UTC
	}
	return q.Location
}

// loadZone returns the zone of an IANA name.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("zone: %q: want an IANA name such as Europe/Berlin, or UTC", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone: %w: want an IANA name such as Europe/Berlin; where the system has no zone data, import time/tzdata", err)
	}
	return loc, nil
}

// zoneFault returns an error if a zone cannot be loaded again by its name, such as one of
// time.FixedZone.
func zoneFault(loc *time.Location) error {
	if loc == nil || loc == time.UTC {
		return nil
	}
	name := loc.String()
	if loc == time.Local { // where TZ is set, it has the name of that zone
		name = "Local"
	}
	found, err := loadZone(name)
	if err != nil {
		return err
	}
	// a fixed zone may have the name of a zone with clock changes
	for month := range time.Month(12) {
		t := time.Date(2025, 1+month, 1, 0, 0, 0, 0, time.UTC)
		if offset(t.In(loc)) != offset(t.In(found)) {
			return fmt.Errorf("zone: %v: differs from the zone of this name that time.LoadLocation returns", loc)
		}
	}
	return nil
}

// offset returns the seconds by which clocks in t's zone are ahead of UTC at t.
func offset(t time.Time) int64 {
	_, seconds := t.Zone()
	return int64(seconds)
}

// sameOffsetUntil returns an instant after t up to which the zone's offset is the one at
// t. The offset may stay the same after it.
func sameOffsetUntil(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return t.Add(1 << 62) // no later change; the offset holds for 146 years at least
	case !end.After(t):
		// under a zone's rules for future years, ZoneBounds ends each year after 365 days
		return t.Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return end
}
