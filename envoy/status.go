package envoy

import (
	"cmp"
	"math"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
)

const (
	codeOK        = ratelimitv3.RateLimitResponse_OK
	codeOverLimit = ratelimitv3.RateLimitResponse_OVER_LIMIT
)

// status returns what Envoy is told of one descriptor. It shows one limit of the key: the
// one that refused with the longest wait, or else the one with the least remaining. Envoy
// makes its own X-RateLimit fields of that, if enable_x_ratelimit_headers is set.
//
// After a refusal by a limit that clients do not see, such as one of a group, it shows
// none: the figures would contradict the refusal.
func (v *verdict) status(cfg *LimiterConfig) *ratelimitv3.RateLimitResponse_DescriptorStatus {
	s := &ratelimitv3.RateLimitResponse_DescriptorStatus{Code: codeOK}
	if v.refuses(cfg) {
		s.Code = codeOverLimit
	}
	if by, refused := v.RefusedBy(); refused && by.Kind != gate.PayerKey {
		return s
	}
	l, ok := gate.Tightest(v.Levels())
	if !ok {
		return s
	}
	s.CurrentLimit = limitOf(&l)
	s.LimitRemaining = clamp(l.Remaining())
	if until := cmp.Or(l.Wait, l.Reset); until != store.Never {
		// Envoy shows whole seconds, and cuts off the rest.
		s.DurationUntilReset = durationpb.New((until + time.Second - 1).Truncate(time.Second))
	}
	return s
}

// limitOf describes a limit as a number for a unit of time.
func limitOf(l *gate.Level) *ratelimitv3.RateLimitResponse_RateLimit {
	limit := &ratelimitv3.RateLimitResponse_RateLimit{Name: limitName(l.Name)}
	if l.IsQuota() {
		limit.RequestsPerUnit, limit.Unit = clamp(l.Max), windowUnit(l.End.Sub(l.Start))
	} else {
		limit.RequestsPerUnit, limit.Unit = rateIn(l.Rate)
	}
	return limit
}

// units are the units of time that a rate may be said in, the shortest first.
var units = []struct {
	length time.Duration
	unit   ratelimitv3.RateLimitResponse_RateLimit_Unit
}{
	{time.Second, ratelimitv3.RateLimitResponse_RateLimit_SECOND},
	{time.Minute, ratelimitv3.RateLimitResponse_RateLimit_MINUTE},
	{time.Hour, ratelimitv3.RateLimitResponse_RateLimit_HOUR},
	{24 * time.Hour, ratelimitv3.RateLimitResponse_RateLimit_DAY},
}

// rateIn returns a rate in the shortest unit in which it is a whole number. If there is
// none, it rounds down, in the shortest unit in which that is not 0.
func rateIn(r store.Rate) (n uint32, unit ratelimitv3.RateLimitResponse_RateLimit_Unit) {
	perSecond := r.PerSecond()
	for _, u := range units {
		all := perSecond * u.length.Seconds()
		whole := math.Round(all)
		switch {
		case whole >= 1 && math.Abs(all-whole) <= 1e-9*whole:
			return clamp(int64(min(whole, math.MaxUint32))), u.unit
		case all >= 1 && n == 0:
			n, unit = clamp(int64(min(all, math.MaxUint32))), u.unit
		}
	}
	return n, unit
}

// windowUnit returns the unit of a quota's window. A change of the clocks makes a window
// an hour longer or shorter, and months and years differ in length.
func windowUnit(window time.Duration) ratelimitv3.RateLimitResponse_RateLimit_Unit {
	const day = 24 * time.Hour
	switch {
	case window <= time.Minute:
		return ratelimitv3.RateLimitResponse_RateLimit_MINUTE
	case window < day/2:
		return ratelimitv3.RateLimitResponse_RateLimit_HOUR
	case window < 2*day:
		return ratelimitv3.RateLimitResponse_RateLimit_DAY
	case window < 8*day:
		return ratelimitv3.RateLimitResponse_RateLimit_WEEK
	case window < 32*day:
		return ratelimitv3.RateLimitResponse_RateLimit_MONTH
	}
	return ratelimitv3.RateLimitResponse_RateLimit_YEAR
}

// limitName returns a name that Envoy can put between quotes into a header field.
func limitName(name string) string {
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return visible(name)
		}
	}
	return name
}

// clamp returns n as Envoy's fields can hold it.
func clamp(n int64) uint32 { return uint32(max(0, min(n, math.MaxUint32))) }
