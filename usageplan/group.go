package usageplan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// MaxGroups is the number of groups above a key: its own, and those above that one. A
// Group and its ancestors are never more.
const MaxGroups = 3

// A Group is an organisation or a team. All keys in it and in the groups below it use its
// allowance together. A request is admitted only if the limits of its key and of every
// group above the key have room, and it is charged to all of them in one step.
//
// A group refers to a plan, as a Link does. So a change of a plan is in force for all
// groups that have it. Two groups with one plan have an allowance each.
//
// A key names its group in apikey.Key.GroupID.
//
// The JSON form of a Group is stable, so stores may keep it. It keeps the difference
// between Throttles and Quotas that are nil and those that are empty, as that of a Link
// does.
type Group struct {
	// ID identifies the group, and never changes. It has 1 to 64 ASCII letters, digits, '_'
	// and '-'. A group, a plan and a key may have the same ID.
	ID string `json:"id"`

	// Name is for people, and need not be unique. It has at most MaxName characters, and no
	// control characters other than tabs and newlines.
	Name string `json:"name,omitzero"`

	// ParentID is the ID of the group above. If empty, there is none, and the group is the
	// root of a family. Moves within the family are allowed. A group cannot leave its
	// family.
	ParentID string `json:"parentId,omitzero"`

	// PlanID is the ID of the group's plan. If empty, the group has no limits: it only
	// counts what its keys use. A plan that names API stages counts on these stages only.
	// A detached plan refuses all keys below the group.
	PlanID string `json:"planId,omitzero"`

	// Throttle replaces the Throttle of the plan for this group. If nil, the plan's counts.
	// The throttles of the plan's routes stay.
	Throttle *limiter.Limit `json:"throttle,omitzero"`

	// Throttles replaces the Throttles of the plan for this group. If nil, the plan's count.
	// If empty but not nil, there are none. Those of classes and routes stay: see Plan.For.
	Throttles []Throttle `json:"throttles,omitzero"`

	// Quotas replaces the Quotas of the plan for this group. If nil, the plan's count. If
	// empty but not nil, the group has no quota. Those of classes and routes stay. For
	// another limit of a class, give the group a plan of its own.
	Quotas []quota.Quota `json:"quotas,omitzero"`

	// Created and Updated are the times when the group was created and last changed.
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`

	// Version is 1 for a new group, and grows by one with every update. The store sets it.
	Version int64 `json:"version,omitzero"`
}

// UnmarshalJSON decodes an object as strictly as Plan.UnmarshalJSON does. The error wraps
// ErrInvalid.
func (g *Group) UnmarshalJSON(text []byte) error {
	type fields Group
	err := decode(text, (*fields)(g))
	return decodeError("group", g.ID, err)
}

// Validate reports every fault of g at once. The error wraps ErrInvalid. An empty ID is
// valid, because Groups.Create generates one. Groups also checks that the parent and the
// plan exist, and that the units are declared.
func (g *Group) Validate() error { return invalid("group", g.faults()) }

// faults returns every fault of g that is in g alone.
func (g *Group) faults() (errs []error) {
	errs = append(errs, idFault("id", g.ID), idFault("parentId", g.ParentID), idFault("planId", g.PlanID))
	if g.ID != "" && g.ID == g.ParentID {
		errs = append(errs, fmt.Errorf("parentId: %q: want another group", g.ParentID))
	}
	if g.PlanID == "" && (g.Throttle != nil || g.Throttles != nil || g.Quotas != nil) {
		errs = append(errs, errors.New("throttle, throttles, quotas: without a planId: want the plan that they change"))
	}
	errs = append(errs, text("name", g.Name, MaxName))
	errs = append(errs, limitFaults(g.Throttle, g.Throttles, g.Quotas)...)
	return append(errs, combinationFaults(g.Throttles, g.Quotas, nil)...)
}

// Clone returns a copy that shares no memory that can be written to.
func (g Group) Clone() Group {
	g.Throttle = copied(g.Throttle)
	g.Throttles = slices.Clone(g.Throttles)
	g.Quotas = slices.Clone(g.Quotas)
	return g
}

// equals reports whether g and h are the same group, apart from the fields that Groups
// sets. It compares their JSON, because a store may return a time zone as a different
// pointer.
func (g Group) equals(h Group) bool {
	for _, one := range []*Group{&g, &h} {
		one.Created, one.Updated, one.Version = time.Time{}, time.Time{}, 0
	}
	a, err := json.Marshal(g)
	b, err2 := json.Marshal(h)
	return err == nil && err2 == nil && bytes.Equal(a, b)
}
