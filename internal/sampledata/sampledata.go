// Package sampledata fills a store with plans, groups, keys and a month of use that look
// real. It is for tests and pictures of pages.
package sampledata

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Store keeps everything.
type Store interface {
	apikey.Store
	usageplan.Store
	usageplan.GroupStore
	store.Counter
}

// Days is for how many days keys are used.
const Days = 30

// writers is how many keys are written at a time.
const writers = 64

// Fill writes the plans, the groups and n keys. The keys of Named come last, so that they
// are first in listings. The same n and now give the same data, except secrets.
func Fill(ctx context.Context, st Store, n int, now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	for _, p := range Plans() {
		p.Created, p.Updated = now.AddDate(0, -8, 0), now.AddDate(0, -1, 0)
		if err := st.InsertPlan(ctx, p); err != nil {
			return err
		}
	}
	for _, g := range Groups() {
		g.Created, g.Updated = now.AddDate(0, -7, 0), now.AddDate(0, -2, 0)
		if err := st.InsertGroup(ctx, g); err != nil {
			return err
		}
	}
	f := &filler{st: st, now: now, plans: map[string]usageplan.Plan{}, root: map[string][]usageplan.Group{}}
	for _, p := range Plans() {
		f.plans[p.ID] = p
	}
	for _, g := range Groups() {
		f.root[g.ID] = append([]usageplan.Group{g}, f.root[g.ParentID]...)
	}
	named := Named()
	if err := f.all(ctx, max(0, n-len(named)), func(i int) Sample { return numbered(i) }); err != nil {
		return err
	}
	for i := len(named) - 1; i >= 0; i-- {
		if err := f.write(ctx, len(named)-i, named[i]); err != nil {
			return err
		}
	}
	return nil
}

// filler writes keys.
type filler struct {
	st    Store
	now   time.Time
	plans map[string]usageplan.Plan
	root  map[string][]usageplan.Group // each group and those above it
}

// all writes n keys, several at a time.
func (f *filler) all(ctx context.Context, n int, of func(i int) Sample) error {
	next := make(chan int)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range next {
				if errs[w] == nil {
					errs[w] = f.write(ctx, i, of(i))
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// write writes one key, its link and its use.
func (f *filler) write(ctx context.Context, i int, s Sample) error {
	r := rand.New(rand.NewPCG(uint64(i), uint64(len(s.id))))
	secret, err := apikey.Format{Prefix: "acme"}.New()
	if err != nil {
		return err
	}
	created := f.now.AddDate(0, 0, -35-r.IntN(200))
	k := apikey.Key{
		ID: s.id, Name: s.name, CustomerID: s.customer, GroupID: s.group, Description: s.description, Hint: secret.String(),
		Enabled: !s.disabled, Digest: apikey.DigestOf(string(secret)), Created: created, Updated: created, Version: 1,
	}
	if s.expired {
		k.Expires = f.now.AddDate(0, 0, -3)
	}
	if s.rotating {
		k.Retiring, k.RetiringUntil = apikey.DigestOf("the previous secret of "+s.id), f.now.AddDate(0, 0, 5)
	}
	if err := f.st.InsertKey(ctx, k); err != nil {
		return err
	}
	if s.plan != "" {
		if err := f.st.InsertLink(ctx, usageplan.Link{PlanID: s.plan, KeyID: s.id, Allowance: s.plan, Created: created}); err != nil {
			return err
		}
	}
	for day := s.first; day < Days; day++ {
		at := f.now.AddDate(0, 0, day-Days+1)
		if day == Days-1 {
			at = lastUse(f.now, time.Duration(r.IntN(90))*time.Minute)
		}
		if err := f.use(ctx, s, at, s.on(r, at, day)); err != nil {
			return err
		}
	}
	return nil
}

// lastUse returns a time on the day of now, at most ago before now. The day before could
// be in another month, and the month of now would have no use.
func lastUse(now time.Time, ago time.Duration) time.Time {
	at, midnight := now.Add(-ago), now.UTC().Truncate(24*time.Hour)
	if at.Before(midnight) {
		return midnight
	}
	return at
}

// use charges what a key uses on a day. What does not fit is refused.
func (f *filler) use(ctx context.Context, s Sample, at time.Time, n int64) error {
	if n <= 0 || s.plan == "" && s.group == "" {
		return nil
	}
	const keep = 90 * 24 * time.Hour
	above := f.root[s.group]
	root := ""
	if len(above) > 0 {
		root = above[len(above)-1].ID
	}
	part := func(subject, planID string) store.Part {
		p := store.Part{Subject: subject, Meters: []store.Meter{quota.Record(quota.RecordName, at, keep)}}
		for _, q := range f.plans[planID].Quotas {
			p.Meters = append(p.Meters, q.Meter(at, keep))
		}
		for range p.Meters {
			p.N = append(p.N, n)
		}
		p.Levels = make([]store.Level, len(p.Meters))
		return p
	}
	c := &store.Charge{At: at, Parts: []store.Part{part(usageplan.KeySubject(root, s.id, s.plan), s.plan)}}
	for _, g := range above {
		c.Parts = append(c.Parts, part(usageplan.GroupSubject(root, g.ID), g.PlanID))
	}
	if err := f.st.Take(ctx, c); err != nil {
		return fmt.Errorf("sampledata: %s on %s: %w", s.id, at.Format(time.DateOnly), err)
	}
	return nil
}
