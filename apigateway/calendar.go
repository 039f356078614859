package apigateway

import (
	"time"

	"github.com/ration-go/ration/quota"
)

// calendar maps UTC days to the windows of a quota. A window can begin or end within a
// UTC day, since a quota may have another time zone.
type calendar struct {
	quota   quota.Quota
	limited bool // whether there is a quota
	now     time.Time
}

// window returns the start of a day's window. For today that is the current window. For
// any other day it is the window in which the day ends, since the remaining number is
// that at the end of the day.
func (c *calendar) window(day time.Time) time.Time {
	at := day.Add(oneDay - 1)
	if day.Equal(c.now.Truncate(oneDay)) {
		at = c.now
	}
	start, _ := c.quota.Window(at)
	return start
}

// last returns the last day of a day's window, or today if the window has not ended.
func (c *calendar) last(day time.Time) time.Time {
	if !c.limited {
		return day
	}
	// The longest window is a month, so the loop is short.
	start, today := c.window(day), c.now.Truncate(oneDay)
	for next := day.Add(oneDay); !next.After(today) && c.window(next).Equal(start); next = next.Add(oneDay) {
		day = next
	}
	return day
}

// count returns the number of windows from that of a day to the current one, at most
// quota.MaxWindows.
func (c *calendar) count(from time.Time) int {
	n, first := 1, c.window(from)
	for start, _ := c.quota.Window(c.now); start.After(first) && n < quota.MaxWindows; n++ {
		start, _ = c.quota.Window(start.Add(-time.Second))
	}
	return n
}
