package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/ration-go/ration/usageplan"
)

// plans is the directory of plans, links and groups. A link is in two indexes: by plan,
// where there may be many and a listing reads a page at a time, and by key, where there
// are few and all are read at once.
type plans struct {
	mu     sync.RWMutex
	last   uint64 // the last number that was given, to a plan, a link or a group
	list   list[usageplan.Plan]
	byID   map[string]*item[usageplan.Plan]
	ofPlan map[string]*list[usageplan.Link]   // no list in it is empty
	ofKey  map[string][]*item[usageplan.Link] // oldest first
	groups groups
}

// InsertPlan implements usageplan.Store.
func (s *Store) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.changePlans(ctx, "plan", p.ID, func(ps *plans) error {
		p.Version = 1 // whatever the caller has set
		return ps.insert(ps.last+1, p)
	})
}

// Plan implements usageplan.Store.
func (s *Store) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	if err := ctx.Err(); err != nil {
		return usageplan.Plan{}, err
	}
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()
	it := s.plans.byID[id]
	if it == nil {
		return usageplan.Plan{}, usageplan.ErrNotFound
	}
	return it.record.Clone(), nil
}

// UpdatePlan implements usageplan.Store.
func (s *Store) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return s.changePlans(ctx, "plan", p.ID, func(ps *plans) error {
		it := ps.byID[p.ID]
		switch {
		case it == nil:
			return usageplan.ErrNotFound
		case it.record.Version != p.Version:
			return usageplan.ErrConflict
		}
		it.record = p.Clone()
		it.record.Version++
		return nil
	})
}

// DeletePlan implements usageplan.Store. The links of the plan stay, and so do the groups
// that have it.
func (s *Store) DeletePlan(ctx context.Context, id string, version int64) error {
	return s.changePlans(ctx, "plan", id, func(ps *plans) error {
		it := ps.byID[id]
		switch {
		case it == nil:
			return usageplan.ErrNotFound
		case version != 0 && it.record.Version != version:
			return usageplan.ErrConflict
		}
		delete(ps.byID, id)
		ps.list.remove(it)
		return nil
	})
}

// Plans implements usageplan.Store.
func (s *Store) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()
	page, next, err := s.plans.list.page(s.plans.last, cursor, limit, func(*usageplan.Plan) bool { return true })
	if err != nil {
		return nil, "", fmt.Errorf("store/memory: plans: %w: %w", usageplan.ErrInvalid, err)
	}
	for i := range page {
		page[i] = page[i].Clone()
	}
	return page, next, nil
}

// InsertLink implements usageplan.Store.
func (s *Store) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.changePlans(ctx, "link", l.KeyID, func(ps *plans) error {
		l.Version = 1
		return ps.insertLink(ps.last+1, l)
	})
}

// UpdateLink implements usageplan.Store.
func (s *Store) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return s.changePlans(ctx, "link", l.KeyID, func(ps *plans) error {
		it := ps.findLink(l.PlanID, l.KeyID)
		switch {
		case it == nil:
			return usageplan.ErrNotFound
		case it.record.Version != l.Version:
			return usageplan.ErrConflict
		}
		it.record = l.Clone()
		it.record.Version++
		return nil
	})
}

// DeleteLink implements usageplan.Store.
func (s *Store) DeleteLink(ctx context.Context, planID, keyID string) error {
	return s.changePlans(ctx, "link", keyID, func(ps *plans) error {
		it := ps.findLink(planID, keyID)
		if it == nil {
			return usageplan.ErrNotFound
		}
		of := ps.ofPlan[planID]
		of.remove(it)
		if len(of.items) == 0 {
			delete(ps.ofPlan, planID)
		}

		rest := slices.DeleteFunc(ps.ofKey[keyID], func(o *item[usageplan.Link]) bool { return o == it })
		ps.ofKey[keyID] = rest
		if len(rest) == 0 {
			delete(ps.ofKey, keyID)
		}
		return nil
	})
}

// KeyLinks implements usageplan.Store.
func (s *Store) KeyLinks(ctx context.Context, keyID string) ([]usageplan.Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()
	var links []usageplan.Link
	for _, it := range s.plans.ofKey[keyID] {
		links = append(links, it.record.Clone())
	}
	return links, nil
}

// PlanLinks implements usageplan.Store.
func (s *Store) PlanLinks(ctx context.Context, planID, cursor string, limit int) ([]usageplan.Link, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()
	of := s.plans.ofPlan[planID]
	if of == nil { // an empty list still checks the cursor and the limit
		of = new(list[usageplan.Link])
	}
	page, next, err := of.page(s.plans.last, cursor, limit, func(*usageplan.Link) bool { return true })
	if err != nil {
		return nil, "", fmt.Errorf("store/memory: links: %w: %w", usageplan.ErrInvalid, err)
	}
	for i := range page {
		page[i] = page[i].Clone()
	}
	return page, next, nil
}

// changePlans makes a change under the lock, and then notifies the listeners of id. It
// does so without the lock, because listeners may read the Store. If the change fails,
// nobody is notified, and the error names the kind of record.
func (s *Store) changePlans(ctx context.Context, kind, id string, change func(*plans) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.plans.mu.Lock()
	err := change(&s.plans)
	s.plans.mu.Unlock()
	if err != nil {
		return fmt.Errorf("store/memory: %s: %w", kind, err)
	}
	s.listeners.Tell(id)
	return nil
}

// insert adds a plan under a number, and counts that number and all below it as given.
// The lock is held. Load calls it with the numbers of the file, so that old cursors stay
// valid.
func (ps *plans) insert(number uint64, p usageplan.Plan) error {
	if ps.byID[p.ID] != nil {
		return usageplan.ErrExists
	}
	if ps.byID == nil {
		ps.byID = map[string]*item[usageplan.Plan]{}
	}
	ps.last = max(ps.last, number)
	ps.byID[p.ID] = ps.list.add(number, p.Clone())
	return nil
}

// insertLink adds a link as insert adds a plan. As usageplan.Store demands, neither the
// plan nor the key needs to exist.
func (ps *plans) insertLink(number uint64, l usageplan.Link) error {
	if ps.findLink(l.PlanID, l.KeyID) != nil {
		return usageplan.ErrExists
	}
	if ps.ofPlan == nil {
		ps.ofPlan = map[string]*list[usageplan.Link]{}
		ps.ofKey = map[string][]*item[usageplan.Link]{}
	}
	if ps.ofPlan[l.PlanID] == nil {
		ps.ofPlan[l.PlanID] = new(list[usageplan.Link])
	}
	ps.last = max(ps.last, number)
	it := ps.ofPlan[l.PlanID].add(number, l.Clone())
	ps.ofKey[l.KeyID] = append(ps.ofKey[l.KeyID], it)
	return nil
}

// findLink returns a link, or nil. It searches the links of the key, because a key has
// few and a plan may have many.
func (ps *plans) findLink(planID, keyID string) *item[usageplan.Link] {
	for _, it := range ps.ofKey[keyID] {
		if it.record.PlanID == planID {
			return it
		}
	}
	return nil
}
