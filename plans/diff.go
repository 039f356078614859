package plans

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// Diff returns what Apply would change, and changes nothing. The Difference is empty if
// the store has all that the file has.
//
// If the file has faults, the error is Faults with all of them: those that Parse has
// found, and those that only the store can tell, such as a plan that is in neither.
func Diff(ctx context.Context, s Services, f *File, cfg Config) (Difference, error) {
	w, err := s.compare(ctx, f, cfg)
	if err != nil {
		return Difference{}, err
	}
	return w.difference(), nil
}

// A phase is a part of an Apply. The order of the phases keeps every key within limits at
// each step: a plan comes before its groups and links, a link before the key is enabled,
// and what is deleted goes last.
type phase int

const (
	putPlans phase = iota
	putGroups
	createKeys
	putLinks
	moveKeys
	updateKeys
	lastLinks
	lastGroups
	lastPlans
)

// A step is one call of a service.
type step struct {
	phase
	change *Change // nil if the step belongs to a change before
	key    string  // the ID of the key that it is about, or empty
	do     func(context.Context) error
}

// compare reads the store, checks the file against it, and finds the steps that make it
// what the file wants.
func (s *Services) compare(ctx context.Context, f *File, cfg Config) (*wanted, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	st, err := s.read(ctx, f)
	if err != nil {
		return nil, err
	}
	checked := *f
	checked.source = f.source.clone()
	if len(f.source.places) == 0 { // made by a program, so Parse has not checked it
		checked.check()
	}
	w := newWanted(&checked, s, st)
	w.prune = cfg.Prune
	w.links = w.linkChanges()
	w.checkReferences()
	if err := w.source.err(); err != nil {
		return nil, err
	}
	w.planSteps()
	w.groupSteps()
	w.keySteps()
	w.linkSteps()
	if err := w.findSurplus(ctx); err != nil {
		return nil, err
	}
	slices.SortStableFunc(w.steps, func(a, b step) int { return cmp.Compare(a.phase, b.phase) })
	return w, nil
}

// difference returns the changes of the steps.
func (w *wanted) difference() Difference {
	d := Difference{Unmanaged: w.unmanaged}
	for _, s := range w.steps {
		if s.change != nil {
			d.Changes = append(d.Changes, *s.change)
		}
	}
	return d
}

func (w *wanted) step(p phase, c Change, key string, do func(context.Context) error) {
	w.steps = append(w.steps, step{p, &c, key, do})
}

func (w *wanted) planSteps() {
	for i := range w.File.Plans {
		p := w.File.Plans[i]
		old := w.before.plans[p.ID]
		c := change(Record{Kind: KindPlan, ID: p.ID}, old != nil, planFields(old, &p))
		if old == nil || len(c.Fields) > 0 {
			w.step(putPlans, c, "", func(ctx context.Context) error {
				_, err := w.Services.Plans.Put(ctx, p)
				return err
			})
		}
	}
}

// change returns the change that sets fields of a record.
func change(r Record, exists bool, fields []Field) Change {
	c := Change{Action: Create, Record: r, Fields: fields}
	if exists {
		c.Action = Update
	} else {
		c.Fields = slices.DeleteFunc(c.Fields, func(f Field) bool { return f.Path == "id" })
	}
	return c
}

// groupSteps puts groups, each after the group above it.
func (w *wanted) groupSteps() {
	groups := slices.Clone(w.File.Groups)
	slices.SortStableFunc(groups, func(a, b usageplan.Group) int {
		return cmp.Compare(depth(w.groups, a.ID), depth(w.groups, b.ID))
	})
	for _, g := range groups {
		old := w.before.groups[g.ID]
		c := change(Record{Kind: KindGroup, ID: g.ID}, old != nil, groupFields(old, &g))
		if old == nil || len(c.Fields) > 0 {
			w.step(putGroups, c, "", func(ctx context.Context) error {
				_, err := w.Services.Groups.Put(ctx, g)
				return err
			})
		}
	}
}

func (w *wanted) keySteps() {
	for i := range w.File.Keys {
		d := &w.File.Keys[i]
		old := w.before.keys[d.ID]
		if old == nil {
			w.createKey(d)
			continue
		}
		if d.GroupID != nil && *d.GroupID != old.GroupID {
			c := Change{Action: Move, Record: Record{Kind: KindKey, ID: d.ID}, From: old.GroupID, To: *d.GroupID}
			w.step(moveKeys, c, d.ID, func(ctx context.Context) error {
				return w.moveKey(ctx, d.ID, *d.GroupID)
			})
		}
		after := d.declared(old.Key)
		if fields := keyFields(&old.Key, &after); len(fields) > 0 {
			w.step(updateKeys, change(Record{Kind: KindKey, ID: d.ID}, true, fields), d.ID, w.updateKey(d))
		}
	}
}

// createKey creates a key. A key in a group that will have links is enabled after these:
// the limits of the groups alone would admit it before. A key that has expired is created
// disabled and without its expiry, and gets both afterwards: the service creates none
// that has expired, but the file was right once, and must not fail later.
func (w *wanted) createKey(d *Key) {
	k := d.declared(apikey.Key{})
	c := change(Record{Kind: KindKey, ID: d.ID}, false, keyFields(nil, &k))
	if k.GroupID != "" {
		c.Fields = append([]Field{{Path: "groupId", After: k.GroupID}}, c.Fields...)
	}
	late := k.Enabled && k.GroupID != "" && len(w.links[d.ID].adds) > 0
	if !k.Expires.IsZero() && !time.Now().Before(k.Expires) {
		k.Expires = time.Time{}
		late = true
	}
	if late {
		k.Enabled = false
		w.steps = append(w.steps, step{updateKeys, nil, d.ID, w.updateKey(d)})
	}
	w.step(createKeys, c, d.ID, func(ctx context.Context) error {
		_, err := w.Services.Keys.ImportDigest(ctx, k, d.Digest)
		return err
	})
}

func (w *wanted) updateKey(d *Key) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := w.Services.Keys.Update(ctx, d.ID, func(k *apikey.Key) error {
			groupID := k.GroupID // which moveKeys changes
			*k = d.declared(*k)
			k.GroupID = groupID
			return nil
		})
		return err
	}
}

// moveKey moves a key to a group. Services without groups have been refused before.
func (w *wanted) moveKey(ctx context.Context, keyID, groupID string) error {
	_, err := w.Services.Groups.MoveKey(ctx, keyID, groupID)
	return err
}

func (w *wanted) linkSteps() {
	for _, id := range w.keyIDs() {
		c := w.links[id]
		for _, l := range c.first {
			w.unlink(putLinks, l)
		}
		for _, m := range c.moves {
			w.moveLink(m)
		}
		for _, l := range c.adds {
			w.step(putLinks, change(recordOf(l), false, linkFields(nil, &l)), id, func(ctx context.Context) error {
				_, err := w.Services.Plans.AddLink(ctx, l)
				return err
			})
		}
		for _, l := range c.updates {
			old := c.before[slices.IndexFunc(c.before, func(old usageplan.Link) bool { return old.PlanID == l.PlanID })]
			w.step(putLinks, change(recordOf(l), true, linkFields(&old, &l)), id, func(ctx context.Context) error {
				return w.setOverrides(ctx, l)
			})
		}
		for _, l := range c.last {
			w.unlink(lastLinks, l)
		}
		for _, l := range c.unmanaged {
			w.keep(recordOf(l), w.whyLinkStays())
		}
	}
}

// whyLinkStays returns why an unmanaged link is not deleted, or "" without Prune.
func (w *wanted) whyLinkStays() string {
	switch {
	case !w.prune:
		return ""
	case w.Links == nil:
		return "the file has no links"
	}
	return "it is being moved to this plan"
}

func recordOf(l usageplan.Link) Record { return Record{Kind: KindLink, ID: l.KeyID, PlanID: l.PlanID} }

func (w *wanted) unlink(p phase, l usageplan.Link) {
	w.step(p, Change{Action: Delete, Record: recordOf(l)}, l.KeyID, func(ctx context.Context) error {
		return w.Services.Plans.Unlink(ctx, l.PlanID, l.KeyID)
	})
}

// moveLink moves a link to another plan. A Move does not keep the overrides, so those of
// the new link are set afterwards.
func (w *wanted) moveLink(m linkMove) {
	c := Change{Action: Move, Record: recordOf(m.to), From: m.from.PlanID, To: m.to.PlanID, Fields: linkFields(nil, &m.to)}
	w.step(putLinks, c, m.to.KeyID, func(ctx context.Context) error {
		if err := w.Services.Plans.Move(ctx, m.to.KeyID, m.from.PlanID, m.to.PlanID); err != nil {
			return err
		}
		if len(c.Fields) == 0 {
			return nil
		}
		return w.setOverrides(ctx, m.to)
	})
}

func (w *wanted) setOverrides(ctx context.Context, l usageplan.Link) error {
	_, err := w.Services.Plans.UpdateLink(ctx, l.PlanID, l.KeyID, func(old *usageplan.Link) error {
		*old = l.Clone() // UpdateLink restores all that is no override
		return nil
	})
	return err
}
