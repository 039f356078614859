package middleware

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/gate"
)

// maxJitter bounds Config.Jitter. More would hide from clients when a window ends.
const maxJitter = time.Hour

// A waiting says how an answer shows the times that clients have to wait.
type waiting struct {
	refused bool          // only the limits that refused have an effective window
	jitter  time.Duration // is added to the waits for quotas
}

// draw returns the jitter of one answer.
func (cfg *Config) draw() time.Duration {
	if cfg.Jitter == 0 {
		return 0
	}
	return rand.N(cfg.Jitter + 1)
}

// retryAfter returns the number of seconds to wait, or 0 if waiting does not help. If a
// quota refused, it includes the jitter, so that it is not less than the effective window
// of the quota.
func (res *Result) retryAfter() int64 {
	switch res.Decision.Reason {
	case gate.StoreFailed:
		return 1
	case gate.NotCached:
		return seconds(res.Decision.RetryAfter)
	case gate.Throttled, gate.QuotaExceeded:
		wait := res.Decision.RetryAfter
		if res.jitter > 0 && res.quotaRefused() {
			wait += res.jitter
		}
		return seconds(wait)
	}
	return 0
}

func (res *Result) quotaRefused() bool {
	for l := range res.Decision.Refusals() {
		if l.IsQuota() {
			return true
		}
	}
	return false
}

// setRetryAfter sets Retry-After. It removes the effective windows of the limits that
// other middleware has put into the header: Retry-After should not be earlier than the
// end of an effective window, and those limits have not refused. Call it before setting
// the RateLimit field of the limit that refused.
func setRetryAfter(h http.Header, s int64) {
	h.Set("Retry-After", strconv.FormatInt(s, 10))
	if lines := h["Ratelimit"]; len(lines) > 0 {
		lines = slices.Clone(lines) // a Result may have the array
		for i, line := range lines {
			lines[i] = withoutWindows(line)
		}
		h["Ratelimit"] = lines
	}
}

// withoutWindows returns a value of RateLimit without the parameters t. The names of
// limits are quoted strings, which may have any text.
func withoutWindows(value string) string {
	if !strings.Contains(value, ";t=") {
		return value
	}
	kept := make([]byte, 0, len(value))
	quoted := false
	for i := 0; i < len(value); i++ {
		switch {
		case quoted && value[i] == '\\' && i+1 < len(value):
			kept = append(kept, value[i])
			i++
		case value[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(value[i:], ";t="):
			for i += len(";t="); i < len(value) && '0' <= value[i] && value[i] <= '9'; i++ {
			}
			i--
			continue
		}
		kept = append(kept, value[i])
	}
	return string(kept)
}
