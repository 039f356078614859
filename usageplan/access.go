package usageplan

import (
	"context"

	"github.com/ration-go/ration/apikey"
)

// Access holds all that a decision needs to know about one key.
type Access struct {
	Key apikey.Key

	// Links holds the links of the key, oldest first.
	Links []Link

	// Groups holds the key's group and those above it, as Lineage returns them: from the
	// bottom to the root. A group that does not exist is left out, and the list ends there.
	// It has at most MaxGroups+1 groups, however long the way to the root is.
	Groups []Group

	// Plans holds the plans that the links and the groups name, in any order and each once.
	// A plan that does not exist is left out, and its link has no effect.
	Plans []Plan
}

// Plan returns the plan with an ID, or nil if it is not among a.Plans.
func (a *Access) Plan(id string) *Plan {
	for i := range a.Plans {
		if a.Plans[i].ID == id {
			return &a.Plans[i]
		}
	}
	return nil
}

// An AccessReader is an optional interface of a store of both keys and plans. One of its
// calls replaces KeyByDigest, KeyLinks, a Group for each group above the key, and a Plan
// for each link and group, so a look-up over a network takes one round trip. The Access
// is the state of the store at one instant between the call and its return. Both calls
// observe their context.
//
// A Gate calls an AccessReader if its keys and its plans are in one store. Otherwise it
// makes the single calls.
//
// Caution: a type that embeds a store and changes one of the single methods must also
// change these two, or hide them. Go promotes the methods of the embedded store, and a
// Gate would call them instead of the changed one.
type AccessReader interface {
	// AccessByDigest returns the Access of the key that KeyByDigest returns. The error wraps
	// apikey.ErrNotFound if there is no such key.
	AccessByDigest(ctx context.Context, d apikey.Digest) (Access, error)

	// AccessByKey returns the Access of the key with an ID. The error wraps
	// apikey.ErrNotFound if there is no such key.
	AccessByKey(ctx context.Context, keyID string) (Access, error)
}
