package gate

import "fmt"

// Reason is why a request was admitted or not; its String is a metric's label.
type Reason uint8

// The reasons. The zero Reason is that of no decision. The four of authentication are for
// logs and metrics: to the outside they are one.
const (
	Admitted      Reason = iota + 1
	Unknown              // no such key, or a secret that is not of the Format
	Disabled             // the key is disabled
	Expired              // the key has expired
	NoPlan               // no plan of the key is for this API stage
	Throttled            // the token bucket has too few tokens; wait
	QuotaExceeded        // a window's allowance is used up until it ends
	NeverFits            // the cost is above what the throttle or quota can ever hold, or the plan blocks
	StoreFailed          // a store of keys, plans or counters did not answer
	Invalid              // the Request breaks a rule: a fault of the calling service
)

var reasons = [...]string{"none", "admitted", "unknown", "disabled", "expired", "no_plan", "throttled", "quota_exceeded",
	"never_fits", "store_failed", "invalid"}

// String is the reason in snake case.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}
