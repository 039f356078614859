package gate

import (
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/usageplan"
)

// A node is one group. All keys below the group share its node. A node points to the node
// above it, so a decision learns of a change of any group above its key, and a change
// need not look for the keys that it concerns.
//
// Three faults of a group, its plan or the groups above it refuse all keys below. A
// decision checks them in this order, each with a Reason of its own: broken (NoGroup),
// fault (StoreFailed) and detached (NoPlan).
//
// A node does not change, except for the atomic fields.
type node struct {
	group     usageplan.Group
	above     *node // nil for the root
	level     int   // 1 for the root
	subject   string
	allowance *allowance // counts and has no limits if the group has no plan

	// broken says that the group, a group above it or a plan of these does not exist, or
	// that there are too many groups up to the root.
	broken bool

	// fault is the allowance.fault of the group or of a group above it.
	fault error

	// detached says that the plan of the group, or of a group above it, is detached. As for
	// a key, such a plan admits nothing: removing its last stage must not open the group.
	// Config.InsecureAllowNoPlan ignores it.
	detached bool

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

// refusal returns the Reason why the groups refuse every request of a key below them, and
// an error that explains it, if there is one. The Reason is 0 if the groups' limits
// decide.
func (n *node) refusal(allowNoPlan bool) (Reason, error) {
	switch {
	case n.broken:
		return NoGroup, nil
	case n.fault != nil:
		return StoreFailed, n.fault
	case n.detached && !allowNoPlan:
		return NoPlan, nil
	}
	return 0, nil
}

// metersAt returns the meters of a request at the group. If the plan of the group is not
// for the stage, they are those of counting, which has no limits.
func (n *node) metersAt(at time.Time, stage usageplan.Stage, route, class string, counting *allowance) *meters {
	a := n.allowance
	if a.fits(stage) == 0 {
		a = counting
	}
	return a.metersAt(at, stage, route, class)
}
