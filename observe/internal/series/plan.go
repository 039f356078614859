package series

import (
	"strconv"
	"sync/atomic"
	"unicode/utf8"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// reasons is how many Reasons there are. The zero Reason counts those that this package
// does not know.
const reasons = int(gate.NotCached) + 1

// index returns a Reason as the index of a count.
func index(r gate.Reason) int {
	if int(r) < reasons {
		return int(r)
	}
	return 0
}

// plan has the counts of one plan, or of all requests without one.
type plan struct {
	label       string
	decisions   [reasons][2][2]atomic.Int64 // by allowed and degraded
	peeks       [reasons]atomic.Int64
	further     atomic.Int64
	repeated    atomic.Int64
	charged     [1 + usageplan.MaxUnits]atomic.Int64
	returned    [1 + usageplan.MaxUnits]atomic.Int64
	corrections [2][2]atomic.Int64 // by refund and failed
	limits      table[limitKey, atomic.Int64]
}

// A limitKey has the labels of Refusals. Its reason is 0 for WouldRefuse.
type limitKey struct {
	limit, unit string
	payer       gate.PayerKind
	reason      gate.Reason
}

func newPlan(id string) *plan { return &plan{label: Label(id)} }

// Label returns text as a label. The ID of a plan and the name of a limit may be any
// text. One that is no UTF-8 is quoted, since it could make the gathering of all metrics
// fail.
func Label(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return strconv.QuoteToASCII(text)
}

// bit returns 1 for true.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
