package transfer

import (
	"context"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

// A linkID identifies a link.
type linkID struct{ planID, keyID string }

func idOf(l *usageplan.Link) linkID { return linkID{l.PlanID, l.KeyID} }

// A planWalk goes through the links of a plan. It stops at a link whose key has an older
// link that is not copied yet.
type planWalk struct {
	walk    *walk[usageplan.Link]
	pending *usageplan.Link // the link at which it has stopped
}

// A linker copies links so that the links of each plan and those of each key keep their
// order. The listings of plans give the one order, and KeyLinks gives the other.
type linker struct {
	*job
	plans   map[string]bool        // that exist; a link to another one has no effect
	waiting map[linkID][]*planWalk // for a link that has to be copied first

	// copied has the keys with several links, and the plans of those that were copied.
	copied map[string]map[string]bool
}

// links copies the links of all plans, beginning with the oldest plan.
func (j *job) links(ctx context.Context) error {
	if j.from.Plans == nil {
		return nil
	}
	l := &linker{job: j, plans: map[string]bool{}, waiting: map[linkID][]*planWalk{}, copied: map[string]map[string]bool{}}
	var ids []string
	err := each(ctx, j, j.from.Plans.Plans, new(int64), func(p *usageplan.Plan) error {
		l.plans[p.ID] = true
		ids = append(ids, p.ID)
		return nil
	})
	j.progress.Counts.Links = 0
	for i := 0; err == nil && i < len(ids); i++ {
		err = l.plan(ctx, ids[i])
	}

	// Links that still wait belong to a source that has changed meanwhile.
	for err == nil && len(l.waiting) > 0 {
		for id := range l.waiting {
			err = l.wake(ctx, id)
			break
		}
	}
	return err
}

func (l *linker) plan(ctx context.Context, planID string) error {
	w, err := oldestFirst(ctx, func(ctx context.Context, cursor string, limit int) ([]usageplan.Link, string, error) {
		return l.from.Plans.PlanLinks(ctx, planID, cursor, limit)
	}, l.cfg.Page)
	if err != nil {
		return err
	}
	return l.advance(ctx, []*planWalk{{walk: w}})
}

// advance goes on with walks, and with those that wait for what these copy.
func (l *linker) advance(ctx context.Context, ready []*planWalk) error {
	for len(ready) > 0 {
		last := len(ready) - 1
		link, turned, err := l.next(ctx, ready[last])
		if err != nil {
			return err
		}
		if link == nil { // the walk has ended, or waits
			ready = ready[:last]
			continue
		}
		if err := l.copy(ctx, link); err != nil {
			return err
		}
		if turned {
			l.report()
		}
		woken, err := l.woken(ctx, idOf(link))
		if err != nil {
			return err
		}
		ready = append(ready, woken...)
	}
	return nil
}

// next returns the next link of a walk, and whether a page is done with it. It returns no
// link at the end, and if the walk has to wait.
func (l *linker) next(ctx context.Context, p *planWalk) (link *usageplan.Link, turned bool, err error) {
	if link, p.pending = p.pending, nil; link != nil {
		return link, false, nil
	}
	next, turned, err := p.walk.next(ctx)
	if err != nil || next == nil {
		return nil, false, err
	}
	copied := next.Clone()
	waits, err := l.waits(ctx, p, &copied)
	if err != nil || waits {
		return nil, false, err
	}
	return &copied, turned, nil
}

// waits reports whether a walk has to wait before it copies a link.
func (l *linker) waits(ctx context.Context, p *planWalk, link *usageplan.Link) (bool, error) {
	older, err := l.older(ctx, link)
	if err != nil || older == nil {
		return false, err
	}
	p.pending = link
	l.waiting[*older] = append(l.waiting[*older], p)
	return true, nil
}

// woken returns the walks that have waited for a link, and need not wait for another one.
func (l *linker) woken(ctx context.Context, id linkID) (ready []*planWalk, err error) {
	walks := l.waiting[id]
	delete(l.waiting, id)
	for _, p := range walks {
		waits, err := l.waits(ctx, p, p.pending)
		if err != nil {
			return nil, err
		}
		if !waits {
			ready = append(ready, p)
		}
	}
	return ready, nil
}

// older returns the latest link of the same key that has to be copied before link, or nil
// if there is none.
func (l *linker) older(ctx context.Context, link *usageplan.Link) (*linkID, error) {
	all, err := l.from.Plans.KeyLinks(ctx, link.KeyID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(o usageplan.Link) bool { return o.PlanID == link.PlanID })
	for i--; i >= 0; i-- {
		if o := &all[i]; l.plans[o.PlanID] && !l.copied[o.KeyID][o.PlanID] {
			id := idOf(o)
			return &id, nil
		}
	}
	if len(all) > 1 && l.copied[link.KeyID] == nil {
		l.copied[link.KeyID] = map[string]bool{}
	}
	return nil, nil
}

// copy copies one link.
func (l *linker) copy(ctx context.Context, link *usageplan.Link) error {
	if of := l.copied[link.KeyID]; of != nil {
		of[link.PlanID] = true
	}
	l.progress.Counts.Links++
	return wrap("link of key", link.KeyID, copyVersioned(ctx, *link, versioned[usageplan.Link]{
		insert: l.to.Plans.InsertLink, update: l.to.Plans.UpdateLink, same: sameLink,
		version: func(l *usageplan.Link) *int64 { return &l.Version },
		read: func(ctx context.Context) (usageplan.Link, error) {
			all, err := l.to.Plans.KeyLinks(ctx, link.KeyID)
			for _, o := range all {
				if o.PlanID == link.PlanID {
					return o, err
				}
			}
			return usageplan.Link{}, err
		},
	}))
}

// wake goes on with the walks that wait for a link, whether or not it was copied.
func (l *linker) wake(ctx context.Context, id linkID) error {
	woken := l.waiting[id]
	delete(l.waiting, id)
	return l.advance(ctx, woken)
}
