package usageplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// A Link ties a key to a plan.
//
// The JSON form of a Link is stable, so stores may keep it. It holds every valid Link
// exactly. It keeps the difference between Throttles, Quotas and Alerts that are nil and
// those that are empty: the member is left out, or it is [].
type Link struct {
	PlanID string `json:"planId"`
	KeyID  string `json:"keyId"`

	// Allowance tells the tokens and the use of the key's links apart. A Service sets it
	// when the link is created, and it never changes. It is the ID of the plan, with a
	// number if another link of the key has that one. Service.Move takes it along to the new
	// plan. So neither a rotation of the secret nor a move to another plan resets or doubles
	// what was used. It has 1 to 128 bytes of UTF-8, without control characters and '>'.
	Allowance string `json:"allowance"`

	// Throttle replaces the Throttle of the plan for this key. If nil, the plan's counts.
	// The throttles of the plan's routes stay.
	Throttle *limiter.Limit `json:"throttle,omitzero"`

	// Throttles replaces the Throttles of the plan for this key. If nil, the plan's count.
	// If empty but not nil, there are none. Those of classes and routes stay: see Plan.For.
	Throttles []Throttle `json:"throttles,omitzero"`

	// Quotas replaces the Quotas of the plan for this key. If nil, the plan's count. If
	// empty but not nil, the key has no quota. Those of classes and routes stay. For another
	// limit of a class, give the key a plan of its own.
	Quotas []quota.Quota `json:"quotas,omitzero"`

	// Alerts replaces the Alerts of the plan for this key. If nil, the plan's count. If
	// empty but not nil, there are none. They are for all quotas, also those of classes and
	// routes.
	Alerts []int `json:"alerts,omitzero"`

	// Created is the time when the link was created.
	Created time.Time `json:"created,omitzero"`

	// Version is 1 for a new link, and grows by one with every update. The store sets it.
	Version int64 `json:"version,omitzero"`
}

// maxAllowance leaves room for the IDs of a group and of a key in a subject.
const maxAllowance = 2 * maxID

// UnmarshalJSON decodes an object as strictly as Plan.UnmarshalJSON does. The error wraps
// ErrInvalid.
func (l *Link) UnmarshalJSON(text []byte) error {
	type fields Link
	return decodeError("link", "", decode(text, (*fields)(l)))
}

// Validate reports every fault of l at once. The error wraps ErrInvalid.
func (l *Link) Validate() error { return invalid("link", l.faults()) }

func (l *Link) faults() (errs []error) {
	if l.PlanID == "" || l.KeyID == "" {
		errs = append(errs, fmt.Errorf("planId, keyId: %q, %q: want both", l.PlanID, l.KeyID))
	}
	if n := len(l.Allowance); n == 0 || n > maxAllowance {
		errs = append(errs, fmt.Errorf("allowance: %d bytes: want 1 to %d", n, maxAllowance))
	}
	// Stores keep links as JSON, which would replace invalid bytes. Two subjects could then
	// become one. A '>' ends the family of a subject.
	if !utf8.ValidString(l.Allowance) || strings.ContainsFunc(l.Allowance, notInAllowance) {
		errs = append(errs, fmt.Errorf("allowance: %.40q: want UTF-8 without control characters and '>'", l.Allowance))
	}
	errs = append(errs, limitFaults(l.Throttle, l.Throttles, l.Quotas)...)
	errs = append(errs, alertFaults(l.Alerts)...)
	return append(errs, combinationFaults(l.Throttles, l.Quotas, nil)...)
}

func notInAllowance(c rune) bool { return c == '>' || unicode.IsControl(c) }

// unusedAllowance returns the ID of a plan, or with a number if one of the key's links
// has that one. This happens if the key was in the plan before: Move takes the allowance
// along to the other plan.
func unusedAllowance(planID string, links []Link) string {
	name := planID
	for n := 2; slices.ContainsFunc(links, func(l Link) bool { return l.Allowance == name }); n++ {
		name = fmt.Sprintf("%s/%d", planID, n)
	}
	return name
}
