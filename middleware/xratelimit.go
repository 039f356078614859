package middleware

import (
	"cmp"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
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
	tight, ok := tightest(res.Decision.Levels(), gate.Level{}, false)
	if res.mw.cfg.ShowGroups {
		tight, ok = tightest(res.Decision.GroupLevels(), tight, ok)
	}
	if ok {
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

// tightest returns the tightest of levels, and whether there is one. If found is set, a
// limit must be tighter than tight to take its place.
func tightest(levels iter.Seq[gate.Level], tight gate.Level, found bool) (gate.Level, bool) {
	for l := range levels {
		if l.Soft {
			continue
		}
		order := cmp.Or(-cmp.Compare(l.Wait, tight.Wait), cmp.Compare(rank(&l), rank(&tight)),
			cmp.Compare(l.Remaining(), tight.Remaining()), -cmp.Compare(l.Reset, tight.Reset))
		if !found || order < 0 {
			tight, found = l, true
		}
	}
	return tight, found
}

// rank returns 0 for a limit with nothing remaining, 1 for another limit of requests, and
// 2 for the rest. What remains of two units cannot be compared.
func rank(l *gate.Level) int {
	switch {
	case l.Remaining() == 0:
		return 0
	case l.Unit == usageplan.Requests:
		return 1
	}
	return 2
}

// fault returns an error if kind is not one of the constants.
func (kind XRateLimit) fault() error {
	if kind > XRateLimitUnix {
		return fmt.Errorf("xRateLimit: %d: want XRateLimitOff, XRateLimitSeconds or XRateLimitUnix", kind)
	}
	return nil
}
