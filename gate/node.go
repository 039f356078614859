package gate

import (
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A node is one group. All keys below the group share it: its allowance, where the
// Counter keeps its subject, and the flag that says that it has changed. A node knows the
// node above it, so a decision finds out about a change of any group above its key, and
// nobody has to look for the keys that the change concerns.
//
// A node does not change, except for the atomic fields.
type node struct {
	group     usageplan.Group
	above     *node // nil for the root
	level     int   // 1 for the root
	subject   string
	allowance *allowance // counts and has no limits if the group has no plan

	// broken says that the group, a group above it or a plan of these does not exist, or
	// that there are too many groups up to the root. Nothing below a broken node is
	// admitted.
	broken bool

	// detached says that the plan of the group, or of a group above it, is detached. As for
	// a key, such a plan admits nothing: to remove its last stage must not open the group.
	detached bool

	fault error // see allowance.fault: of the group, or of a group above it

	stale *atomic.Bool  // set when the group has changed
	place atomic.Uint64 // see binding.place
}

// changed reports whether the group, a group above it or a plan of these has changed
// since it was read. A nil node has not.
func (n *node) changed() bool {
	for ; n != nil; n = n.above {
		if n.stale.Load() || n.allowance != nil && n.allowance.stale.Load() {
			return true
		}
	}
	return false
}

// root returns the ID of the root of the family, which is empty for a nil node.
func (n *node) root() string {
	id := ""
	for ; n != nil; n = n.above {
		id = n.group.ID
	}
	return id
}

// planFits reports whether the group, or a group above it, has a plan that counts on an
// API stage.
func (n *node) planFits(stage usageplan.Stage) bool {
	for ; n != nil; n = n.above {
		if n.group.PlanID != "" && n.allowance.fits(stage) > 0 {
			return true
		}
	}
	return false
}

// at returns the meters of a request at the group. A plan that is not for the stage has
// no limits there, and the group only counts.
func (n *node) at(at time.Time, stage usageplan.Stage, route, class string, counting *allowance) *meters {
	a := n.allowance
	if a.fits(stage) == 0 {
		a = counting
	}
	return a.at(at, stage, route, class)
}

// groupLevels has what a decision found at one group.
type groupLevels struct {
	node   *node
	meters *meters
	levels [maxLimits]store.Level // of meters.limits, in their order
	above  *groupLevels           // of the group above, or nil
}

// newGroupLevels returns room for the groups of n and those above, from the bottom to the
// root. It is one allocation.
func newGroupLevels(n *node) *groupLevels {
	all := make([]groupLevels, n.level)
	for i := range all {
		all[i].node = n
		if n = n.above; n != nil {
			all[i].above = &all[i+1]
		}
	}
	return &all[0]
}
