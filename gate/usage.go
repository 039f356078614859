package gate

import (
	"context"
	"fmt"
	"iter"
	"time"

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

// UsageByDay returns what a key has used under a plan on each of the last days, in UTC.
// The oldest day is first, and today is last. A day's usage is what was admitted, less
// what was refunded. Days that are longer ago than Config.Keep read as unused.
//
// If days is not 1 to quota.MaxWindows, the error wraps ErrInvalid. If the key is not
// linked to the plan, it wraps usageplan.ErrNotFound.
func (g *Gate) UsageByDay(ctx context.Context, planID, keyID string, days int) ([]quota.DayUsage, error) {
	if err := windowsFault("days", days); err != nil {
		return nil, err
	}
	l, err := usageplan.FindLink(ctx, g.plans, planID, keyID)
	if err != nil {
		return nil, err
	}
	usage, err := quota.Days(ctx, g.counter, time.Now(), []string{l.Subject}, l.RecordName(), days)
	if err != nil {
		return nil, fmt.Errorf("gate: usage of key %s: %w", keyID, err)
	}
	return usage[0], nil
}

// UsageByWindow returns what a key's subject has used of a quota in each of the last n
// windows. The oldest window is first, and the current one is last. quotaName is the
// quota's name.
//
// If n is not 1 to quota.MaxWindows, the error wraps ErrInvalid. If the key is not linked
// to the plan, or has no such quota there, the error wraps usageplan.ErrNotFound.
func (g *Gate) UsageByWindow(ctx context.Context, planID, keyID, quotaName string, n int) ([]quota.Usage, error) {
	if err := windowsFault("n", n); err != nil {
		return nil, err
	}
	l, q, err := g.quotaOf(ctx, planID, keyID, quotaName)
	if err != nil {
		return nil, err
	}
	usage, err := quota.Windows(ctx, g.counter, time.Now(), []string{l.Subject}, q, n)
	if err != nil {
		return nil, fmt.Errorf("gate: usage of key %s: %w", keyID, err)
	}
	return usage[0], nil
}

// windowsFault returns an error if n windows are more than a report can have, or none.
func windowsFault(field string, n int) error {
	if n < 1 || n > quota.MaxWindows {
		return fmt.Errorf("%w %s: %d: want 1 to %d", ErrInvalid, field, n, quota.MaxWindows)
	}
	return nil
}

// PlanUsage returns what UsageByDay returns, for every key of a plan. The key that was
// linked last comes first. PlanUsage reads one page of links at a time.
//
// The sequence ends with the first error. The error wraps usageplan.ErrNotFound if there
// is no such plan, and ErrInvalid if days is not 1 to quota.MaxWindows.
func (g *Gate) PlanUsage(ctx context.Context, planID string, days int) iter.Seq2[KeyUsage, error] {
	return func(yield func(KeyUsage, error) bool) {
		err := windowsFault("days", days)
		if err == nil {
			if _, err = g.plans.Plan(ctx, planID); err != nil {
				err = fmt.Errorf("gate: plan %s: %w", planID, err)
			}
		}
		if err != nil {
			yield(KeyUsage{}, err)
			return
		}
		at := time.Now()
		// All keys are reported as of one instant, though reading them takes a while.
		for page, err := range pages.All(func(cursor string) ([]usageplan.Link, string, error) {
			return g.plans.PlanLinks(ctx, planID, cursor, pages.Size)
		}) {
			var usage []KeyUsage
			if err == nil {
				usage, err = g.usageOf(ctx, at, page, days)
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

// usageOf reads the usage of many links. A store reads many subjects in one call if they
// have one record name, so the links are grouped by it: there are few names.
func (g *Gate) usageOf(ctx context.Context, at time.Time, links []usageplan.Link, days int) ([]KeyUsage, error) {
	byRecord := map[string][]int{}
	for i := range links {
		name := links[i].RecordName()
		byRecord[name] = append(byRecord[name], i)
	}
	usage := make([]KeyUsage, len(links))
	for name, which := range byRecord {
		subjects := make([]string, len(which))
		for j, i := range which {
			subjects[j] = links[i].Subject
		}
		read, err := quota.Days(ctx, g.counter, at, subjects, name, days)
		if err != nil {
			return nil, err
		}
		for j, i := range which {
			usage[i] = KeyUsage{links[i].KeyID, read[j]}
		}
	}
	return usage, nil
}

// SetRemaining sets what remains of a key's quota in the current window to n, whatever
// was used. It extends or cuts the quota, as UpdateUsage of Amazon API Gateway does.
// quotaName is the quota's name. Later windows follow the plan again. Repeating a call
// changes nothing.
//
// The usage record keeps what was used. If keys share a subject, the call is for all of
// them.
//
// If n is not 0 to 2^53-2, the error wraps ErrInvalid. If the key is not linked to the
// plan, or has no such quota there, the error wraps usageplan.ErrNotFound.
func (g *Gate) SetRemaining(ctx context.Context, planID, keyID, quotaName string, n int64) error {
	if n < 0 || n >= store.Unlimited {
		return fmt.Errorf("%w remaining: %d: want 0 to 2^53-2", ErrInvalid, n)
	}
	l, q, err := g.quotaOf(ctx, planID, keyID, quotaName)
	if err != nil {
		return err
	}
	at := time.Now()
	c := store.NewCharge(l.Subject, n, window(q, at, g.cfg.Keep))
	c.Op, c.At = store.SetRemaining, at
	within, cancel := g.within(ctx)
	defer cancel()
	if err := g.counter.Take(within, c); err != nil {
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
	quotas := l.Quotas
	if quotas == nil {
		p, err := g.plans.Plan(ctx, planID)
		if err != nil {
			return usageplan.Link{}, quota.Quota{}, fmt.Errorf("gate: plan %s: %w", planID, err)
		}
		quotas = p.Quotas
	}
	for _, q := range quotas {
		if q.NameOrPeriod() == name {
			return l, q, nil
		}
	}
	return usageplan.Link{}, quota.Quota{}, fmt.Errorf("gate: quota %q of plan %s: %w", name, planID, usageplan.ErrNotFound)
}
