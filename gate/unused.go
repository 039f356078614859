package gate

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/quota"
)

// Unused returns the keys that could be used now and were not used for a time, newest
// first. It is for the review that finds forgotten keys. A disabled key, an expired key,
// and a key whose group does not exist are left out: nobody can use them. So are keys
// that were created within that time. See LastUsed for what counts as a use.
//
// Unused reads one page of keys at a time. The caller may stop at any key. The sequence
// ends with the first error. The error wraps ErrInvalid if the time is not a minute to
// Config.Keep, and at most quota.MaxWindows-1 days, since longer ago nothing is known.
func (g *Gate) Unused(ctx context.Context, age time.Duration) iter.Seq2[LastUse, error] {
	return func(yield func(LastUse, error) bool) {
		now := time.Now() // the same for all keys, though reading them takes a while
		if err := fault.Report(ErrInvalid, "report", g.ageFault(age)); err != nil {
			yield(LastUse{}, err)
			return
		}
		for page, err := range pages.All(func(cursor string) ([]apikey.Key, string, error) {
			return g.resolver.keys.Keys(ctx, apikey.Filter{}, cursor, pages.Size)
		}) {
			if err != nil {
				yield(LastUse{}, fmt.Errorf("gate: unused keys: %w", err))
				return
			}
			unused, err := g.unusedOf(ctx, now, now.Add(-age), page)
			if err != nil {
				yield(LastUse{}, err)
				return
			}
			for _, u := range unused {
				if !yield(u, nil) {
					return
				}
			}
		}
	}
}

// ageFault returns an error if it cannot be known which keys were used for a time.
func (g *Gate) ageFault(age time.Duration) error {
	const day = 24 * time.Hour
	known := min(g.cfg.Keep, (quota.MaxWindows-1)*day) // today is a part of a day
	if age < time.Minute || age > known {
		return fmt.Errorf("age: %v: want 1m to %v, see Config.Keep", age, known)
	}
	return nil
}

// unusedOf returns those keys of a page that were not used since cut and could be used.
func (g *Gate) unusedOf(ctx context.Context, now, cut time.Time, page []apikey.Key) (unused []LastUse, err error) {
	var keys []apikey.Key
	for i := range page {
		if k := &page[i]; k.Usable(now) == nil && k.Created.Before(cut) {
			keys = append(keys, *k)
		}
	}
	uses, err := g.lastUses(ctx, now, keys)
	for _, u := range uses {
		// A use is somewhere in its minute.
		if !u.Unknown && (u.At.IsZero() || !u.At.Add(time.Minute).After(cut)) {
			unused = append(unused, u)
		}
	}
	return unused, err
}
