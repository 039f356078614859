package gate

import "fmt"

// A Reason says why a request was admitted or refused. Its String can be the label of a
// metric.
type Reason uint8

// The reasons. The zero Reason means that there is no decision.
//
// Security: Unknown, Disabled and Expired are told apart for logs and metrics only. A
// client must not be able to tell them apart.
const (
	Admitted      Reason = iota + 1
	Unknown              // no key has the secret or ID, or the secret breaks the Format
	Disabled             // the key is disabled
	Expired              // the key has expired
	NoPlan               // no plan is for this API stage, or that of a group is detached
	Throttled            // the token bucket has too few tokens now
	QuotaExceeded        // the allowance of a window is used up until the window ends
	NeverFits            // the cost is above any limit, or the plan blocks
	StoreFailed          // a store did not answer, or has a plan that cannot be in force
	Invalid              // the Request breaks a rule; the calling service is at fault
	NoGroup              // a group of the key, or the plan of one, does not exist

	ScopeMissing   // the key does not have the Scope that the request needs
	AddressRefused // the key may not be used from the Addr of the request
	NotCached      // the Request is OnlyCached, and the secret is not known as good
)

var reasons = [...]string{"none", "admitted", "unknown", "disabled", "expired", "no_plan", "throttled", "quota_exceeded",
	"never_fits", "store_failed", "invalid", "no_group", "scope_missing", "address_refused", "not_cached"}

// String returns the reason in snake case, such as "quota_exceeded".
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}
