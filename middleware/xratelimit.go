package middleware

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
)

// XRateLimit selects whether X-RateLimit-Limit, X-RateLimit-Remaining and
// X-RateLimit-Reset are written, and the unit of Reset. No standard describes these
// fields.
//
// They describe one limit of those that the RateLimit fields show: the one that refused
// with the longest wait, or else the one with the least remaining. A limit of another
// unit than requests is described only if it has nothing remaining, or if there is no
// limit of requests. Reset is the time at which the quota's window ends or the throttle's
// bucket is full.
type XRateLimit uint8

// An XRateLimit is one of these values.
const (
	XRateLimitOff     XRateLimit = iota // the fields are not written
	XRateLimitSeconds                   // Reset is in seconds from now
	XRateLimitUnix                      // Reset is a Unix time in seconds
)

// writeXRateLimit sets the X-RateLimit fields of the decision.
func (res *Result) writeXRateLimit(h http.Header) {
	levels := []iter.Seq[gate.Level]{res.Decision.Levels()}
	if res.mw.cfg.ShowGroups {
		levels = append(levels, res.Decision.GroupLevels())
	}
	if tight, ok := gate.Tightest(levels...); ok {
		if tight.IsQuota() {
			tight.Reset += res.jitter
		}
		res.mw.cfg.XRateLimit.set(h, &tight.Level)
	}
}

// set sets the fields to the level of a limit.
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

// fault returns an error if kind is not one of the constants.
func (kind XRateLimit) fault() error {
	if kind > XRateLimitUnix {
		return fmt.Errorf("xRateLimit: %d: want XRateLimitOff, XRateLimitSeconds or XRateLimitUnix", kind)
	}
	return nil
}
