package middleware

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
)

// XRateLimit is whether X-RateLimit-Limit, -Remaining and -Reset are written, which no
// standard describes: of the limit that refused longest, else of the one with the least
// remaining. Reset is when the quota's window ends or the bucket is full.
type XRateLimit uint8

// What X-RateLimit-Reset is.
const (
	XRateLimitOff     XRateLimit = iota
	XRateLimitSeconds            // seconds from now
	XRateLimitUnix               // Unix seconds
)

func (res *Result) writeXRateLimit(h http.Header) {
	if l, ok := tightest(&res.Decision); ok {
		res.mw.cfg.XRateLimit.set(h, &l.Level)
	}
}

// set sets the fields to a limit's level.
func (kind XRateLimit) set(h http.Header, l *store.Level) {
	h.Set("X-RateLimit-Limit", strconv.FormatInt(l.Max, 10))
	h.Set("X-RateLimit-Remaining", strconv.FormatInt(l.Remaining(), 10))
	if l.Reset == store.Never {
		return
	}
	reset := seconds(l.Reset)
	if kind == XRateLimitUnix {
		reset = time.Now().Add(l.Reset).Add(time.Second - 1).Unix() // rounded up
	}
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
}

// tightest is the limit that refused longest, else the one with the least remaining.
func tightest(d *gate.Decision) (tight gate.Level, ok bool) {
	for l := range d.Levels() {
		order := cmp.Or(-cmp.Compare(l.Wait, tight.Wait), cmp.Compare(l.Remaining(), tight.Remaining()), -cmp.Compare(l.Reset, tight.Reset))
		if !ok || order < 0 {
			tight, ok = l, true
		}
	}
	return tight, ok
}

func (kind XRateLimit) fault() error {
	if kind > XRateLimitUnix {
		return fmt.Errorf("xRateLimit: %d: want XRateLimitOff, XRateLimitSeconds or XRateLimitUnix", kind)
	}
	return nil
}
