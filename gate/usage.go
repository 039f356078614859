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

// KeyUsage is what one key of a plan has used, a day (UTC) at a time, oldest first.
type KeyUsage struct {
	KeyID string           `json:"keyId"`
	Days  []quota.DayUsage `json:"days"`
}

// UsageByDay is what a key has used under a plan on each of the last days (UTC), oldest
// first, today last: what was admitted less what was refunded. Days before Config.Keep
// read as unused. Days is 1 to quota.MaxWindows, or the error wraps ErrInvalid. An
// unlinked pair is ErrNotFound.
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

// UsageByWindow is what a key's subject has used in each of the last n windows of a
// quota, by its name, oldest first, the current one last. n is 1 to quota.MaxWindows, or
// the error wraps ErrInvalid. An unlinked pair, or a quota that there is not, is
// ErrNotFound.
func (g *Gate) UsageByWindow(ctx context.Context, planID, keyID, quotaName string, n int) ([]quota.Usage, error) {
	if err := windowsFault("n", n); err != nil {
		return nil, err
	}
	l, q, err := g.quota(ctx, planID, keyID, quotaName)
	if err != nil {
		return nil, err
	}
	usage, err := quota.Windows(ctx, g.counter, time.Now(), []string{l.Subject}, q, n)
	if err != nil {
		return nil, fmt.Errorf("gate: usage of key %s: %w", keyID, err)
	}
	return usage[0], nil
}

// windowsFault is the fault of how many windows are asked for.
func windowsFault(field string, n int) error {
	if n < 1 || n > quota.MaxWindows {
		return fmt.Errorf("%w %s: %d: want 1 to %d", ErrInvalid, field, n, quota.MaxWindows)
	}
	return nil
}

// PlanUsage is UsageByDay of every key of a plan, a page of links at a time; the newest
// link's first. It ends with the first error, which is ErrNotFound if there is no such
// plan.
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

// usageOf reads the records of many links in few steps: all that have the common name at
// once.
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

// SetRemaining makes n what remains of a key's quota, by its name, in the current window,
// whatever was used: an extension or a cut, as AWS's UpdateUsage. Later windows are as
// the plan says. Repeating it changes nothing. The usage record keeps what was used.
// Where keys share a subject, it is for all of them.
func (g *Gate) SetRemaining(ctx context.Context, planID, keyID, quotaName string, n int64) error {
	if n < 0 || n >= store.Unlimited {
		return fmt.Errorf("%w remaining: %d: want 0 to 2^53-2", ErrInvalid, n)
	}
	l, q, err := g.quota(ctx, planID, keyID, quotaName)
	if err != nil {
		return err
	}
	at := time.Now()
	c := &store.Charge{Subject: l.Subject, At: at, Meters: []store.Meter{window(q, at, g.cfg.Keep)}, N: store.Each(n), SetRemaining: true}
	within, cancel := g.within(ctx)
	defer cancel()
	if err := g.counter.Take(within, c); err != nil {
		return fmt.Errorf("gate: set remaining: %w", err)
	}
	return nil
}

// quota is a key's quota under a plan, by its name.
func (g *Gate) quota(ctx context.Context, planID, keyID, name string) (usageplan.Link, quota.Quota, error) {
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
		if q.Meter(time.Now(), 0).Name == name {
			return l, q, nil
		}
	}
	return usageplan.Link{}, quota.Quota{}, fmt.Errorf("gate: quota %q of plan %s: %w", name, planID, usageplan.ErrNotFound)
}
