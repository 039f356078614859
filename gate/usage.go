package gate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A KeyUsage is what one key of a plan has used on each day in UTC, oldest first.
type KeyUsage struct {
	KeyID string           `json:"keyId"`
	Days  []quota.DayUsage `json:"days"`
}

// UsageByDay returns what a key has used of a unit under a plan on each of the last days,
// in UTC. An empty unit means usageplan.Requests. The oldest day is first, and today is
// last. A day's usage is what was admitted, less what was refunded. Days that are longer
// ago than Config.Keep read as unused. With an empty planID it returns what the key has
// used under all plans that it is linked to, and without a link as a member of a group.
//
// If days is not 1 to quota.MaxWindows, or the unit is not declared, the error wraps
// ErrInvalid. If the key is not linked to the plan, or one of its groups is missing, it
// wraps usageplan.ErrNotFound. Without a planID, it wraps apikey.ErrNotFound if there is
// no such key.
func (g *Gate) UsageByDay(ctx context.Context, planID, keyID, unit string, days int) ([]quota.DayUsage, error) {
	record, err := g.recordOf(unit, days)
	if err != nil {
		return nil, err
	}
	links, err := g.linksOf(ctx, planID, keyID)
	if err != nil {
		return nil, err
	}
	subjects, err := g.subjectsOf(ctx, links)
	if err != nil {
		return nil, err
	}
	usage, err := g.days(ctx, time.Now(), subjects, record, days)
	if err != nil {
		return nil, fmt.Errorf("gate: usage of key %s: %w", keyID, err)
	}
	total := usage[0]
	for _, other := range usage[1:] {
		for i := range total {
			total[i].Used += other[i].Used
		}
	}
	return total, nil
}

// UsageByWindow returns what a key has used of a quota of its plan in each of the last n
// windows. The oldest window is first, and the current one is last. quotaName is the
// quota's name.
//
// If n is not 1 to quota.MaxWindows, the error wraps ErrInvalid. If the key is not linked
// to the plan, or has no such quota there, the error wraps usageplan.ErrNotFound.
func (g *Gate) UsageByWindow(ctx context.Context, planID, keyID, quotaName string, n int) ([]quota.Usage, error) {
	if err := fault.Report(ErrInvalid, "report", windowsFault("n", n)); err != nil {
		return nil, err
	}
	l, q, err := g.quotaOf(ctx, planID, keyID, quotaName)
	if err != nil {
		return nil, err
	}
	subject, err := g.subjectOf(ctx, &l)
	if err != nil {
		return nil, err
	}
	var usage [][]quota.Usage
	subjects := []string{subject}
	err = followMoves(subjects, func() (err error) {
		usage, err = quota.Windows(ctx, g.counter, time.Now(), subjects, q, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("gate: usage of key %s: %w", keyID, err)
	}
	return usage[0], nil
}

// linksOf returns the link of a key to a plan. Without a planID it returns all links of
// the key, and one more without an Allowance. That one stands for what the key has used
// without a link.
func (g *Gate) linksOf(ctx context.Context, planID, keyID string) ([]usageplan.Link, error) {
	if planID != "" {
		l, err := usageplan.FindLink(ctx, g.plans, planID, keyID)
		return []usageplan.Link{l}, err
	}
	if _, err := g.resolver.keys.Key(ctx, keyID); err != nil {
		return nil, fmt.Errorf("gate: key %s: %w", keyID, err)
	}
	links, err := g.plans.KeyLinks(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("gate: links of key %s: %w", keyID, err)
	}
	return append(links, usageplan.Link{KeyID: keyID}), nil
}

// recordOf returns the name of the usage record of a unit. It also checks the number of
// days that are to be reported.
func (g *Gate) recordOf(unit string, days int) (string, error) {
	err := fault.Report(ErrInvalid, "report", windowsFault("days", days), g.cfg.Units.Check(unit))
	if unit == "" || unit == usageplan.Requests {
		return quota.RecordName, err
	}
	return metername.RecordPrefix + unit, err
}

// days returns what each subject has used on each of the last days.
func (g *Gate) days(ctx context.Context, at time.Time, subjects []string, record string, days int) (usage [][]quota.DayUsage, err error) {
	err = followMoves(subjects, func() error {
		usage, err = quota.Days(ctx, g.counter, at, subjects, record, days)
		return err
	})
	return usage, err
}

// followMoves calls read, and calls it again with the new subject if one has moved. The
// counts of a key are elsewhere than its group says while usageplan.Groups.MoveKey moves
// it, and after a move that was interrupted.
func followMoves(subjects []string, read func() error) error {
	for moves := 0; ; moves++ {
		err := read()
		moved, ok := errors.AsType[*store.MovedError](err)
		if !ok || moves == maxMoves*len(subjects) {
			return err
		}
		for i := range subjects {
			if subjects[i] == moved.Subject {
				subjects[i] = moved.To
			}
		}
	}
}

// windowsFault returns an error if a report cannot have n windows.
func windowsFault(field string, n int) error {
	if n < 1 || n > quota.MaxWindows {
		return fmt.Errorf("%s: %d: want 1 to %d", field, n, quota.MaxWindows)
	}
	return nil
}

// PlanUsage returns what UsageByDay returns, for every key of a plan. The key that was
// linked last comes first. PlanUsage reads one page of links at a time.
//
// The sequence ends with the first error. The error wraps usageplan.ErrNotFound if there
// is no such plan, or if a group of one of the keys is missing: then it cannot be known
// what the key has used. It wraps ErrInvalid if days is not 1 to quota.MaxWindows or the
// unit is not declared.
func (g *Gate) PlanUsage(ctx context.Context, planID, unit string, days int) iter.Seq2[KeyUsage, error] {
	return func(yield func(KeyUsage, error) bool) {
		record, err := g.recordOf(unit, days)
		if err == nil {
			if _, err = g.plans.Plan(ctx, planID); err != nil {
				err = fmt.Errorf("gate: plan %s: %w", planID, err)
			}
		}
		if err != nil {
			yield(KeyUsage{}, err)
			return
		}
		at := time.Now() // the same for all keys, though reading them takes a while
		for page, err := range pages.All(func(cursor string) ([]usageplan.Link, string, error) {
			return g.plans.PlanLinks(ctx, planID, cursor, pages.Size)
		}) {
			var usage []KeyUsage
			if err == nil {
				usage, err = g.usageOf(ctx, at, page, record, days)
			}
			if err != nil {
				yield(KeyUsage{}, fmt.Errorf("gate: usage of plan %s: %w", planID, err))
				return
			}
			for _, u := range usage {
				if !yield(u, nil) {
					return
				}
			}
		}
	}
}

// usageOf reads the usage of many links. A store reads many subjects in one call.
func (g *Gate) usageOf(ctx context.Context, at time.Time, links []usageplan.Link, record string, days int) ([]KeyUsage, error) {
	subjects, err := g.subjectsOf(ctx, links)
	if err != nil {
		return nil, err
	}
	read, err := g.days(ctx, at, subjects, record, days)
	if err != nil {
		return nil, err
	}
	usage := make([]KeyUsage, len(links))
	for i := range links {
		usage[i] = KeyUsage{links[i].KeyID, read[i]}
	}
	return usage, nil
}

// SetRemaining sets what remains of a key's quota in the current window to n, whatever
// was used. It extends or cuts the quota, as UpdateUsage of Amazon API Gateway does.
// quotaName is the quota's name. Later windows follow the plan again. Repeating a call
// changes nothing.
//
// The current window is that of the time at which the call begins. If the window ends
// while a store is slow, the next one stays as it is.
//
// The usage record keeps what was used. See SetGroupRemaining for the quotas of a group.
//
// If n is not 0 to 2^53-2, the error wraps ErrInvalid. If the key is not linked to the
// plan, or has no such quota there, the error wraps usageplan.ErrNotFound.
func (g *Gate) SetRemaining(ctx context.Context, planID, keyID, quotaName string, n int64) error {
	if err := remainingFault(n); err != nil {
		return err
	}
	at := time.Now()
	l, q, err := g.quotaOf(ctx, planID, keyID, quotaName)
	if err != nil {
		return err
	}
	subject, err := g.subjectOf(ctx, &l)
	if err != nil {
		return err
	}
	return g.setRemaining(ctx, at, subject, keyID+"/"+planID, q, n)
}

// setRemaining sets what remains of a quota to n in the window at a time, for the subject
// that q is a quota of. owner is the owner of the quota in the ID of a history.Entry.
func (g *Gate) setRemaining(ctx context.Context, at time.Time, subject, owner string, q quota.Quota, n int64) (err error) {
	c := store.NewCharge(subject, n, quotaMeter(q, at, g.cfg.Keep))
	c.Op, c.At = store.SetRemaining, at
	within, cancel := g.within(ctx)
	defer cancel()
	if g.cfg.History == nil {
		err = g.takeMoved(within, c)
	} else {
		err = g.setRecorded(within, owner+"/"+q.NameOrPeriod(), c)
	}
	if err != nil {
		return fmt.Errorf("gate: set remaining: %w", err)
	}
	return nil
}

// quotaOf returns a key's link to a plan, and the quota of that name under it. Quotas of
// the link replace those of the plan.
func (g *Gate) quotaOf(ctx context.Context, planID, keyID, name string) (usageplan.Link, quota.Quota, error) {
	l, err := usageplan.FindLink(ctx, g.plans, planID, keyID)
	if err != nil {
		return usageplan.Link{}, quota.Quota{}, err
	}
	quotas, err := g.quotasOf(ctx, planID, l.Quotas)
	if err != nil {
		return usageplan.Link{}, quota.Quota{}, err
	}
	q, err := quotaNamed(quotas, "plan "+planID, name)
	return l, q, err
}

// quotasOf returns the quotas of a plan, with those of its classes and routes. own,
// unless it is nil, replaces those for all requests.
func (g *Gate) quotasOf(ctx context.Context, planID string, own []quota.Quota) ([]quota.Quota, error) {
	p, err := g.plans.Plan(ctx, planID)
	if err != nil {
		return nil, fmt.Errorf("gate: plan %s: %w", planID, err)
	}
	return quotasInForce(&p, own), nil
}

// quotaNamed returns the quota of that name. owner is the plan or the group that has the
// quotas, as errors name it.
func quotaNamed(quotas []quota.Quota, owner, name string) (quota.Quota, error) {
	for _, q := range quotas {
		if q.NameOrPeriod() == name {
			return q, nil
		}
	}
	return quota.Quota{}, fmt.Errorf("gate: quota %q of %s: %w", name, owner, usageplan.ErrNotFound)
}

// remainingFault returns an error if n cannot remain of a quota.
func remainingFault(n int64) error {
	if n < 0 || n >= store.Unlimited {
		return fmt.Errorf("%w remaining: %d: want 0 to 2^53-2", ErrInvalid, n)
	}
	return nil
}
