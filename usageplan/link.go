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

// Link ties a key to a plan.
type Link struct {
	PlanID string `json:"planId"`
	KeyID  string `json:"keyId"`

	// Subject is who pays: the counts are its own. It is set when the link is made and never
	// changes: by default it is the plan's id and the key's, so that neither a rotation of
	// the secret nor a move to another plan resets or doubles an allowance; a number is
	// between the two where another link of the key has that subject, having come from the
	// plan. Keys of one customer that share an allowance share a subject: 1 to 256 bytes of
	// UTF-8.
	Subject string `json:"subject"`

	// Throttle and Quotas stand in place of the plan's for this key, if they are not nil.
	Throttle *limiter.Limit `json:"throttle,omitzero"`
	Quotas   []quota.Quota  `json:"quotas,omitzero"`

	Created time.Time `json:"created,omitzero"`

	// Version grows with every update; it belongs to the store.
	Version int64 `json:"version,omitzero"`
}

const maxSubject = store.MaxSubject / 2

// UnmarshalJSON decodes an object, and is as strict as Plan.UnmarshalJSON.
func (l *Link) UnmarshalJSON(text []byte) error {
	type fields Link
	if err := strict.Unmarshal(text, (*fields)(l)); err != nil {
		return fmt.Errorf("%w link: %w", ErrInvalid, err)
	}
	return nil
}

// Validate reports every fault of l at once; the error wraps ErrInvalid.
func (l *Link) Validate() error {
	var errs []error
	if l.PlanID == "" || l.KeyID == "" {
		errs = append(errs, fmt.Errorf("planId, keyId: %q, %q: want both", l.PlanID, l.KeyID))
	}
	if n := len(l.Subject); n == 0 || n > maxSubject {
		errs = append(errs, fmt.Errorf("subject: %d bytes: want 1 to %d", n, maxSubject))
	}
	if !utf8.ValidString(l.Subject) { // stores keep links as JSON
		errs = append(errs, fmt.Errorf("subject: %.40q: want UTF-8", l.Subject))
	}
	return invalid("link", append(errs, limits(l.Throttle, l.Quotas)...))
}

// subjectOf is the subject of a key that pays for itself.
func subjectOf(planID, keyID string) string { return planID + "/" + keyID }

// subjectBeside is the first of those that none of the key's links has: where the key was
// in the plan and has moved on, the subject has gone with it.
func subjectBeside(planID, keyID string, links []Link) string {
	subject := subjectOf(planID, keyID)
	for n := 2; slices.ContainsFunc(links, func(l Link) bool { return l.Subject == subject }); n++ {
		subject = fmt.Sprintf("%s/%d/%s", planID, n, keyID)
	}
	return subject
}

// RecordName returns the name of the key's usage record. Where keys share a subject, each
// has a record of its own.
func (l *Link) RecordName() string {
	if strings.HasSuffix(l.Subject, "/"+l.KeyID) {
		return quota.RecordName
	}
	return quota.RecordName + "/" + l.KeyID
}
