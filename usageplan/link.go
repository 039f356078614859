package usageplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ration-go/ration/internal/strict"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
)

// A Link ties a key to a plan.
//
// The JSON form of a Link is stable, so stores may keep it. It holds every valid Link
// exactly. It keeps the difference between Quotas that are nil and Quotas that are empty:
// the member is left out, or it is [].
type Link struct {
	PlanID string `json:"planId"`
	KeyID  string `json:"keyId"`

	// Subject is the name under which the tokens and the use of the link are counted. Links
	// with the same subject share one allowance, such as the keys of one customer. It is set
	// when the link is created, and never changes. It has 1 to 256 bytes of UTF-8.
	//
	// The default is the ID of the plan, "/" and the ID of the key. So neither a rotation of
	// the secret nor a move to another plan resets or doubles an allowance. If another link
	// of the key already has that subject, after a Move, a number between the two IDs makes
	// it unique.
	Subject string `json:"subject"`

	// Throttle replaces the Throttle of the plan for this key. If nil, the plan's counts.
	// The throttles of the plan's routes stay.
	//
	// A throttle of a link has a token bucket of its own. No other link takes from it, not
	// even one that has the same Subject.
	Throttle *limiter.Limit `json:"throttle,omitzero"`

	// Quotas replaces the Quotas of the plan for this key. If nil, the plan's count. If
	// empty but not nil, the key has no quota.
	Quotas []quota.Quota `json:"quotas,omitzero"`

	// Created is the time when the link was created.
	Created time.Time `json:"created,omitzero"`

	// Version is 1 for a new link, and grows by one with every update. The store sets it.
	Version int64 `json:"version,omitzero"`
}

// maxSubject is half of what a Counter accepts.
const maxSubject = store.MaxSubject / 2

// UnmarshalJSON decodes an object as strictly as Plan.UnmarshalJSON does. The error wraps
// ErrInvalid.
func (l *Link) UnmarshalJSON(text []byte) error {
	type fields Link
	if err := strict.Unmarshal(text, (*fields)(l)); err != nil {
		return fmt.Errorf("%w link: %w", ErrInvalid, err)
	}
	return nil
}

// Validate reports every fault of l at once. The error wraps ErrInvalid.
func (l *Link) Validate() error {
	var errs []error
	if l.PlanID == "" || l.KeyID == "" {
		errs = append(errs, fmt.Errorf("planId, keyId: %q, %q: want both", l.PlanID, l.KeyID))
	}
	if n := len(l.Subject); n == 0 || n > maxSubject {
		errs = append(errs, fmt.Errorf("subject: %d bytes: want 1 to %d", n, maxSubject))
	}
	// Stores keep links as JSON, which would replace invalid bytes. Two subjects could then
	// become one.
	if !utf8.ValidString(l.Subject) {
		errs = append(errs, fmt.Errorf("subject: %.40q: want UTF-8", l.Subject))
	}
	return invalid("link", append(errs, limits(l.Throttle, l.Quotas)...))
}

// subjectOf returns the default subject of a link.
func subjectOf(planID, keyID string) string { return planID + "/" + keyID }

// unusedSubject returns a default subject that none of the key's links has. The subject
// of the plan and the key may be taken if the key was in the plan before: Move takes the
// subject along to the other plan.
func unusedSubject(planID, keyID string, links []Link) string {
	subject := subjectOf(planID, keyID)
	for n := 2; slices.ContainsFunc(links, func(l Link) bool { return l.Subject == subject }); n++ {
		subject = fmt.Sprintf("%s/%d/%s", planID, n, keyID)
	}
	return subject
}

// RecordName returns the name of the key's usage record under the subject. Keys that
// share a subject have a record each.
func (l *Link) RecordName() string {
	// Only one key can have a subject that ends with its ID, so its record needs no ID.
	if strings.HasSuffix(l.Subject, "/"+l.KeyID) {
		return quota.RecordName
	}
	return quota.RecordName + "/" + l.KeyID
}
