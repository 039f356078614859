package apigateway

import (
	"time"

	"github.com/ration-go/ration/quota"
)

// calendar is which window of a quota each day (UTC) belongs to.
type calendar struct {
	quota   quota.Quota
	limited bool // there is a quota
	now     time.Time
}

// window is the start of the window of a day: of today the current one, of another day
// the one in which it ends.
func (c *calendar) window(day time.Time) time.Time {
	at := day.Add(oneDay - 1)
	if day.Equal(c.now.Truncate(oneDay)) {
		at = c.now
	}
	start, _ := c.quota.Window(at)
	return start
}

// last is the last day of the window of a day; today, if the window has not ended.
func (c *calendar) last(day time.Time) time.Time {
	if !c.limited {
		return day
	}
	start, today := c.window(day), c.now.Truncate(oneDay)
	for next := day.Add(oneDay); !next.After(today) && c.window(next).Equal(start); next = next.Add(oneDay) {
		day = next
	}
	return day
}

// count is how many windows there are from that of a day to the current one.
func (c *calendar) count(from time.Time) int {
	n, first := 1, c.window(from)
	for start, _ := c.quota.Window(c.now); start.After(first) && n < quota.MaxWindows; n++ {
		start, _ = c.quota.Window(start.Add(-time.Second))
	}
	return n
}
