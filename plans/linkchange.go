package plans

import (
	"slices"

	"github.com/ration-go/ration/usageplan"
)

// A linkChange is what happens to the links of one key.
type linkChange struct {
	before []usageplan.Link

	// first has links that clash with a new one, so they go before it comes. The key has
	// another link, which moves. last has links that go after all else.
	first, last []usageplan.Link

	moves     []linkMove
	adds      []usageplan.Link
	updates   []usageplan.Link // the links as they will be
	unmanaged []usageplan.Link

	after []string // the IDs of the plans that the key will have: unmanaged ones first
}

// A linkMove moves a link to another plan, with what was used.
type linkMove struct{ from, to usageplan.Link }

func (c *linkChange) had(planID string) bool { return hasPlan(c.before, planID) }

func hasPlan(links []usageplan.Link, planID string) bool {
	return slices.ContainsFunc(links, func(l usageplan.Link) bool { return l.PlanID == planID })
}

// linkChanges returns what happens to the links of each key that the file names and that
// will exist. A file without links changes none.
func (w *wanted) linkChanges() map[string]*linkChange {
	declared := map[string][]usageplan.Link{}
	for _, l := range w.Links {
		if l.PlanID != "" {
			declared[l.KeyID] = append(declared[l.KeyID], l)
		}
	}
	all := map[string]*linkChange{}
	for _, id := range w.keyIDs() {
		c := &linkChange{}
		if k := w.before.keys[id]; k != nil {
			c.before = k.links
		}
		if w.Links == nil {
			c.unmanaged = c.before
		} else {
			w.compareLinks(c, declared[id])
		}
		for _, l := range c.unmanaged {
			c.after = append(c.after, l.PlanID)
		}
		for _, l := range declared[id] {
			c.after = append(c.after, l.PlanID)
		}
		all[id] = c
	}
	return all
}

// compareLinks finds out how the links of a key become those that are declared. A link
// that a new one replaces is moved, so that what was used still counts.
func (w *wanted) compareLinks(c *linkChange, declared []usageplan.Link) {
	var surplus, missing []usageplan.Link
	for _, d := range declared {
		i := slices.IndexFunc(c.before, func(l usageplan.Link) bool { return l.PlanID == d.PlanID })
		if i < 0 {
			missing = append(missing, d)
		} else if len(linkFields(&c.before[i], &d)) > 0 {
			c.updates = append(c.updates, d)
		}
	}
	for i, l := range c.before {
		switch other := c.otherHalf(i, declared); {
		case hasPlan(declared, l.PlanID):
		case other > i: // an interrupted Move to the plan that is declared
			c.last = append(c.last, l)
		case other >= 0:
			// A Move away from the declared plan, which may be under way. If both links went, the
			// key would have none.
			c.unmanaged = append(c.unmanaged, l)
		default:
			surplus = append(surplus, l)
		}
	}
	clash := func(l, d usageplan.Link) bool { return overlap(w.plans[l.PlanID], w.plans[d.PlanID], true) != "" }
	surplus, missing = c.pair(surplus, missing, clash)
	if w.prune {
		surplus, missing = c.pair(surplus, missing, func(_, _ usageplan.Link) bool { return true })
	}
	c.adds = missing
	for _, l := range surplus {
		switch {
		case !w.prune:
			c.unmanaged = append(c.unmanaged, l)
		case slices.ContainsFunc(declared, func(d usageplan.Link) bool { return !c.had(d.PlanID) && clash(l, d) }):
			c.first = append(c.first, l)
		default:
			c.last = append(c.last, l)
		}
	}
}

// otherHalf returns the index of a declared link with the Allowance of link i, or -1. Two
// links of a key have one Allowance between the two steps of Service.Move, and the newer
// one is where the Move goes.
func (c *linkChange) otherHalf(i int, declared []usageplan.Link) int {
	return slices.IndexFunc(c.before, func(other usageplan.Link) bool {
		l := &c.before[i]
		return other.PlanID != l.PlanID && other.Allowance == l.Allowance && hasPlan(declared, other.PlanID)
	})
}

// pair makes a move of each missing link and the first surplus link that fits. It returns
// the rest.
func (c *linkChange) pair(surplus, missing []usageplan.Link, fits func(l, d usageplan.Link) bool) (_, rest []usageplan.Link) {
	for _, d := range missing {
		i := slices.IndexFunc(surplus, func(l usageplan.Link) bool { return fits(l, d) })
		if i < 0 {
			rest = append(rest, d)
			continue
		}
		c.moves = append(c.moves, linkMove{surplus[i], d})
		surplus = slices.Delete(slices.Clone(surplus), i, i+1)
	}
	return surplus, rest
}
