package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// loadEntry reads a key and its plans from their stores. The plans of a key that is
// refused are not read.
func (r *resolver) loadEntry(ctx context.Context, lk *lookup, q *query) (*entry, error) {
	var digest apikey.Digest // of no secret, if q has an ID
	if q.id == "" {
		digest = apikey.DigestOf(string(q.secret))
	}
	found, err := r.fetchAccess(ctx, q, digest)
	if errors.Is(err, apikey.ErrNotFound) {
		return nil, errUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("gate: key: %w", err)
	}
	r.setKeyID(lk, found.Key.ID)
	key := found.Key // a pointer into found would keep its links, groups and plans in memory
	e := newEntry(q, digest, &key)
	if e == nil {
		return nil, errUnknown
	}
	if len(key.Scopes) > 0 && !r.scoped.Load() {
		r.scoped.Store(true)
	}
	if e.plansUnread = e.usable(q.at) != 0; e.plansUnread {
		return e, nil
	}
	if r.access == nil {
		if found.Links, err = r.plans.KeyLinks(ctx, found.Key.ID); err != nil {
			return nil, fmt.Errorf("gate: links of key %s: %w", found.Key.ID, err)
		}
	}
	if err := r.bindGroup(ctx, lk, e, found); err != nil {
		return nil, err
	}
	for i := range found.Links {
		if err := r.bindLink(ctx, lk, e, &found.Links[i], found); err != nil {
			return nil, err
		}
	}
	// A random time from the second half of the entry's age keeps keys apart that were
	// read together. Otherwise all of them would be due at the same time again and again.
	until := e.read + r.maxAge
	e.until.Store(int64(until - rand.N((until-q.now)/2+1)))
	return e, nil
}

// fetchAccess reads the key. With an AccessReader it reads the key's links and plans in
// the same call.
func (r *resolver) fetchAccess(ctx context.Context, q *query, digest apikey.Digest) (*usageplan.Access, error) {
	var (
		a   usageplan.Access
		err error
	)
	switch byID := q.id != ""; {
	case r.access != nil && byID:
		a, err = r.access.AccessByKey(ctx, q.id)
	case r.access != nil:
		a, err = r.access.AccessByDigest(ctx, digest)
	case byID:
		a.Key, err = r.keys.Key(ctx, q.id)
	default:
		a.Key, err = r.keys.KeyByDigest(ctx, digest)
	}
	return &a, err
}

// bindGroup adds the key's group to e. A key without a link has no limits of its own. Its
// groups may admit it, and its use is only counted. With Config.InsecureAllowNoPlan this
// holds for a key whose links are for other stages, too.
func (r *resolver) bindGroup(ctx context.Context, lk *lookup, e *entry, found *usageplan.Access) error {
	if found.Key.GroupID == "" {
		return nil
	}
	group, err := r.lineageOf(ctx, lk, found, found.Key.GroupID, 0)
	if err != nil {
		return err
	}
	x := e.ensureExtra()
	x.group = group.node
	r.warnIfBroken(ctx, x.group, found.Key.ID)
	e.read = min(e.read, group.read)
	if len(found.Links) == 0 || r.allowNoPlan {
		x.unplanned = &binding{subject: usageplan.KeySubject(x.group.root(), found.Key.ID, ""), allowance: r.counting}
	}
	return nil
}

// bindLink adds what a link allows to e. A link to a plan that does not exist allows
// nothing.
func (r *resolver) bindLink(ctx context.Context, lk *lookup, e *entry, l *usageplan.Link, found *usageplan.Access) error {
	a, err := r.allowanceOf(ctx, lk, found, l.PlanID, overrides{l.Throttle, l.Throttles, l.Quotas, l.Alerts})
	if errors.Is(err, usageplan.ErrNotFound) {
		// The plan was deleted, before or after its link was read. It may come back.
		x := e.ensureExtra()
		x.missing = append(x.missing, r.flagOf(lk, l.PlanID))
		return nil
	}
	if err != nil {
		return fmt.Errorf("gate: plan %s: %w", l.PlanID, err)
	}
	// The entry is as old as the oldest part of it.
	e.read = min(e.read, a.read)
	b := e.addBinding(usageplan.KeySubject(e.group().root(), found.Key.ID, l.Allowance), a.allowance)
	if a.settles() {
		b.changed = r.flagOf(lk, found.Key.ID)
	}
	return nil
}
