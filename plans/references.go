package plans

import (
	"fmt"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// A wanted is what a store will have if a file is applied: that which the file has, and
// that which stays.
type wanted struct {
	*File
	*Services
	before *stored
	plans  map[string]*usageplan.Plan
	groups map[string]*usageplan.Group
	keys   map[string]*Key // those of the file
	links  map[string]*linkChange
	prune  bool

	steps     []step
	unmanaged []Unmanaged
}

func newWanted(f *File, s *Services, st *stored) *wanted {
	w := &wanted{File: f, Services: s, before: st}
	w.plans = byID(f.Plans, func(p *usageplan.Plan) string { return p.ID })
	w.groups = byID(f.Groups, func(g *usageplan.Group) string { return g.ID })
	w.keys = byID(f.Keys, func(k *Key) string { return k.ID })
	for id, p := range st.plans {
		if w.plans[id] == nil {
			w.plans[id] = p
		}
	}
	for id, g := range st.groups {
		if w.groups[id] == nil {
			w.groups[id] = g
		}
	}
	return w
}

// checkReferences adds the faults that only the store and the services can tell.
func (w *wanted) checkReferences() {
	for i := range w.File.Plans {
		w.source.addLines(index("plans", i), w.Services.Plans.CheckPlan(&w.File.Plans[i]))
	}
	for i := range w.File.Groups {
		w.checkGroup(i)
	}
	for i := range w.File.Keys {
		w.checkKeyReferences(i)
	}
	for i := range w.Links {
		w.checkLink(i)
	}
	w.checkClashes()
}

func (w *wanted) checkGroup(i int) {
	g := &w.File.Groups[i]
	at := index("groups", i)
	if w.Services.Groups == nil {
		w.source.add(at, "the store keeps no groups")
		return
	}
	w.needPlan(at, g.PlanID)
	w.source.addLines(at, w.Services.Plans.CheckGroup(g, w.plans[g.PlanID]))
	if g.ParentID != "" && w.groups[g.ParentID] == nil {
		w.source.add(at+".parentId", "%q: %s", g.ParentID, w.nowhere("group"))
	}
	w.checkAbove(i, w.groups)
	old := w.before.groups[g.ID]
	if old == nil || old.ParentID == g.ParentID {
		return
	}
	from, to := root(w.before.groups, g.ID), root(w.groups, g.ID)
	switch {
	case old.ParentID == "":
		w.source.add(at+".parentId", "%q: the stored group has none, and the root of a family stays its root", g.ParentID)
	case g.ParentID == "":
		w.source.add(at, "parentId: missing: want a group of the family of %s, which the stored group cannot leave", from)
	case from != to && from != "" && to != "":
		w.source.add(at+".parentId", "%q: is in the family of %s: want a group in the family of %s, which the stored group cannot leave", g.ParentID, to, from)
	}
}

// root returns the ID of the root of a group's family, or "" if it is unknown.
func root(groups map[string]*usageplan.Group, id string) string {
	for range len(groups) + 1 {
		g := groups[id]
		if g == nil {
			return ""
		}
		if g.ParentID == "" {
			return id
		}
		id = g.ParentID
	}
	return ""
}

func (w *wanted) needPlan(at, id string) {
	if id != "" && w.plans[id] == nil {
		w.source.add(at+".planId", "%.40q: %s", id, w.nowhere("plan"))
	}
}

func (w *wanted) nowhere(kind string) string {
	return fmt.Sprintf("no such %s: want one of the file or of the store", kind)
}

func (w *wanted) checkKeyReferences(i int) {
	d := &w.File.Keys[i]
	at := index("keys", i)
	if d.ID == "" {
		return
	}
	switch {
	case d.GroupID == nil || *d.GroupID == "":
	case w.Services.Groups == nil:
		w.source.add(at+".groupId", "the store keeps no groups")
	case w.groups[*d.GroupID] == nil:
		w.source.add(at+".groupId", "%.40q: %s", *d.GroupID, w.nowhere("group"))
	}
	switch {
	case w.before.keys[d.ID] != nil:
	case d.Digest == apikey.Digest{}:
		w.source.add(at, "id: %.40q: no such key in the store: create it, add the digest of its secret, or take it out of the file if it was deleted", d.ID)
	case !w.Services.Keys.KeyFormat().AcceptForeign:
		w.source.add(at+".digest", "the form of the secret is not known: want AcceptForeign in the Format of the keys and of the Gate")
	}
}

// willExist reports whether there will be a key with an ID.
func (w *wanted) willExist(id string) bool { return w.before.keys[id] != nil || w.keys[id] != nil }

func (w *wanted) checkLink(i int) {
	l := &w.Links[i]
	at := index("links", i)
	w.needPlan(at, l.PlanID)
	w.source.addLines(at, withoutIDs(w.Services.Plans.CheckLink(l, w.plans[l.PlanID])))
	if l.KeyID != "" && !w.willExist(l.KeyID) {
		w.source.add(at+".keyId", "%.40q: %s", l.KeyID, w.nowhere("key"))
	}
}

// checkClashes adds the faults of keys that would get two plans for one API stage. Two
// plans for every stage that a key has already may stay, as AddSpareLink allows.
func (w *wanted) checkClashes() {
	index := map[[2]string]int{}
	for i, l := range w.Links {
		index[[2]string{l.KeyID, l.PlanID}] = i
	}
	for id, c := range w.links {
		for n, one := range c.after {
			for _, other := range c.after[:n] {
				a, b := w.plans[one], w.plans[other]
				where := overlap(a, b, !c.had(one) || !c.had(other))
				if where == "" {
					continue
				}
				if i, ok := index[[2]string{id, one}]; ok {
					w.source.add(fmt.Sprintf("links[%d]", i), "key %s has plan %s for %s, too: want one of the two", id, other, where)
				}
			}
		}
	}
}

// overlap returns the stage that both plans are for, or "" if there is none. With
// everywhere, two plans for every stage overlap.
func overlap(a, b *usageplan.Plan, everywhere bool) string {
	if a == nil || b == nil {
		return ""
	}
	for _, s := range a.Stages {
		if slices.Contains(b.Stages, s) {
			return "stage " + s.String()
		}
	}
	if everywhere && len(a.Stages) == 0 && len(b.Stages) == 0 && !a.Detached && !b.Detached {
		return "every stage"
	}
	return ""
}
