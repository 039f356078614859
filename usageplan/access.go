package usageplan

import (
	"context"

	"github.com/ration-go/ration/apikey"
)

// Access is all that a directory knows of one key and that a decision needs.
type Access struct {
	Key apikey.Key

	// Links are the key's links, oldest first.
	Links []Link

	// Plans are the plans that the links name, in any order. A plan that does not exist is
	// not among them: its link is dead and does no harm.
	Plans []Plan
}

// Plan returns the plan with that id, or nil.
func (a *Access) Plan(id string) *Plan {
	for i := range a.Plans {
		if a.Plans[i].ID == id {
			return &a.Plans[i]
		}
	}
	return nil
}

// AccessReader is an optional interface of a store of both keys and plans. It answers in
// one call what takes KeyByDigest, KeyLinks and a Plan for each link otherwise, so that a
// look-up over a network is one round trip. The Access is the state of the directory at
// one instant between the call and its return.
//
// A Gate calls an AccessReader where gate.Config.Keys and gate.Config.Plans are one
// store. It makes the single calls where the store has no AccessReader.
//
// A type that embeds a store and changes one of the single methods must change these two
// as well, or hide them: Go promotes them, and a Gate calls them past the changed method.
type AccessReader interface {
	// AccessByDigest finds the key as KeyByDigest does. The error wraps apikey.ErrNotFound
	// where there is no such key.
	AccessByDigest(ctx context.Context, d apikey.Digest) (Access, error)

	// AccessByKey finds the key by its id, as Key does.
	AccessByKey(ctx context.Context, keyID string) (Access, error)
}
