package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// A tally lists the figures that reports need. One subject may be in it several times.
type tally struct {
	subjects []string  // whose days are read
	of       []*Report // the report of each subject
	batches  []*batch
	byQuota  map[string]*batch
}

// A batch is one quota of many subjects. Counters read its windows in one call.
type batch struct {
	quota    quota.Quota
	subjects []string
	places   []place // where the windows of each subject belong
}

// A place is the position of a quota in a report.
type place struct {
	report *Report
	index  int
}

// addKey adds the figures of a key.
func (t *tally) addKey(r *KeyReport) {
	root, err := rootOfAccess(&r.Access)
	if err != nil {
		r.Err = err
		return
	}
	for _, subject := range subjectsOfAccess(&r.Access, root) {
		t.addSubject(&r.Report, subject)
	}
	for _, l := range r.Links {
		if p := r.Plan(l.PlanID); p != nil {
			t.addQuotas(&r.Report, usageplan.KeySubject(root, r.Key.ID, l.Allowance), p, l.Quotas)
		}
	}
}

// subjectsOfAccess returns all subjects that pay for a key: those of its links and, under
// groups, that of its requests without a link.
func subjectsOfAccess(a *usageplan.Access, root string) (subjects []string) {
	for _, l := range a.Links {
		subjects = append(subjects, usageplan.KeySubject(root, a.Key.ID, l.Allowance))
	}
	if root != "" {
		subjects = append(subjects, usageplan.KeySubject(root, a.Key.ID, ""))
	}
	return subjects
}

// addGroup adds the figures of a group.
func (t *tally) addGroup(r *GroupReport) {
	if r.Err != nil {
		return
	}
	group, root := &r.Lineage[0], &r.Lineage[len(r.Lineage)-1]
	subject := usageplan.GroupSubject(root.ID, group.ID)
	t.addSubject(&r.Report, subject)
	if r.Plan != nil {
		t.addQuotas(&r.Report, subject, r.Plan, group.Quotas)
	}
}

func (t *tally) addSubject(r *Report, subject string) {
	t.subjects, t.of = append(t.subjects, subject), append(t.of, r)
}

// addQuotas adds the quotas of a plan. own replaces those for all requests, unless it is
// nil.
func (t *tally) addQuotas(r *Report, subject string, p *usageplan.Plan, own []quota.Quota) {
	for _, q := range quotasInForce(p, own) {
		text := q.String()
		b := t.byQuota[text]
		if b == nil {
			if t.byQuota == nil {
				t.byQuota = map[string]*batch{}
			}
			b = &batch{quota: q}
			t.byQuota[text] = b
			t.batches = append(t.batches, b)
		}
		b.subjects = append(b.subjects, subject)
		b.places = append(b.places, place{r, len(r.Quotas)})
		r.Quotas = append(r.Quotas, QuotaReport{PlanID: p.ID, Quota: q})
	}
}

// rootOfAccess returns the ID of the root of a key's groups. Without the root the subject
// of the key is not known, and under a wrong one nothing would be found.
func rootOfAccess(a *usageplan.Access) (string, error) {
	if a.Key.GroupID == "" {
		return "", nil
	}
	if len(a.Groups) == 0 {
		return "", fmt.Errorf("gate: group %s: %w", a.Key.GroupID, usageplan.ErrNotFound)
	}
	top := &a.Groups[len(a.Groups)-1]
	switch {
	case len(a.Groups) > usageplan.MaxGroups:
		return "", fmt.Errorf("%w group %s: too many groups above it", ErrInvalid, a.Key.GroupID)
	case top.ParentID != "":
		return "", fmt.Errorf("gate: group %s: %w", top.ParentID, usageplan.ErrNotFound)
	}
	return top.ID, nil
}

// quotasInForce returns the quotas of a plan, with those of its classes and routes in the
// order of their names. own replaces those for all requests, unless it is nil.
func quotasInForce(p *usageplan.Plan, own []quota.Quota) []quota.Quota {
	if own == nil {
		own = p.Quotas
	}
	quotas := slices.Clone(own)
	for key, l := range p.For {
		quotas = append(quotas, l.Named(key).Quotas...)
	}
	rest := quotas[len(own):]
	slices.SortFunc(rest, func(a, b quota.Quota) int { return strings.Compare(a.NameOrPeriod(), b.NameOrPeriod()) })
	return quotas
}
