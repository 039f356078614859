package apikey

import (
	"context"
	"errors"
	"strings"
)

// The errors of a Store, which it may wrap. Any other error means that the store failed,
// and a change may then have happened.
var (
	// ErrNotFound means that there is no such key.
	ErrNotFound = errors.New("apikey: not found")

	// ErrExists means that the ID or a digest belongs to another key.
	ErrExists = errors.New("apikey: id or secret exists")

	// ErrConflict means that the key was changed since it was read.
	ErrConflict = errors.New("apikey: changed meanwhile")

	// ErrInvalid means that an argument breaks a rule. Nothing was changed. A Service
	// reports all faults of a call at once.
	ErrInvalid = errors.New("apikey: invalid")
)

// A Filter selects the keys of a listing. The zero Filter selects every key.
type Filter struct {
	// NamePrefix selects the keys whose names begin with it. Upper and lower case differ.
	NamePrefix string

	// CustomerID, if not empty, selects the keys of one customer.
	CustomerID string

	// GroupID, if not empty, selects the keys of one group. Those of the groups below it are
	// not among them.
	GroupID string
}

// Passes reports whether f selects k. It is for stores.
func (f *Filter) Passes(k *Key) bool {
	return strings.HasPrefix(k.Name, f.NamePrefix) &&
		(f.CustomerID == "" || f.CustomerID == k.CustomerID) && (f.GroupID == "" || f.GroupID == k.GroupID)
}

// A Store keeps keys.
//
// Every method is atomic and safe for concurrent use. A call that begins after a write
// has returned sees that write. If ctx is done before a call begins, the call changes
// nothing and returns an error that wraps ctx.Err(). If ctx ends while a write is under
// way, the write is made as a whole or not at all. Without an error it was made.
//
// Lists are in the order of insertion. "Newest first" means that the key of the latest
// InsertKey comes first. Created, the ID and updates have no effect on the order. So a
// store needs a number for each insertion, which goes on after a restart.
//
// A Version tells two states of a key apart. InsertKey keeps the Version that it gets; a
// Service inserts 1. Every update adds 1 to the stored Version, and nothing else changes
// it. A key that is deleted and inserted again starts with the Version of that insertion.
//
// Two Stores over one storage act as one Store, and a Store that is opened again has all
// that it had.
//
// A Store keeps a Key as it is and does not validate it. The Service does, and
// Key.Accepts decides whether a key may be used. A Store shares no memory with its
// callers: it clones the keys that it receives and returns.
//
// IDs, digests, names and customers are compared byte by byte. A time is an instant, in
// whole microseconds. A Store may return it in another zone. The JSON form of a Key is
// stable, so a Store may keep it.
//
// Package storetest has tests for stores.
type Store interface {
	// InsertKey adds k with the Version that k has. It returns ErrExists if the ID of k, or
	// one of its digests that is not zero, belongs to a stored key.
	InsertKey(ctx context.Context, k Key) error

	// Key returns the key with an ID, or ErrNotFound.
	Key(ctx context.Context, id string) (Key, error)

	// KeyByDigest returns the key whose Digest or Retiring is d, or ErrNotFound. It returns
	// keys in any state, also after RetiringUntil. The caller then calls Key.Accepts. For
	// the zero Digest, it always returns ErrNotFound.
	KeyByDigest(ctx context.Context, d Digest) (Key, error)

	// UpdateKey replaces the stored key that has the ID of k, and adds 1 to the Version. A
	// digest that is no longer in the key is free again.
	//
	// It returns ErrNotFound if there is no such key, ErrConflict if k.Version is not the
	// stored Version, and ErrExists if a digest belongs to another key.
	UpdateKey(ctx context.Context, k Key) error

	// DeleteKey removes the key with an ID, or returns ErrNotFound. The ID and the digests
	// are free again.
	DeleteKey(ctx context.Context, id string) error

	// Keys returns a page of a listing, newest first, and the cursor of the next page. The
	// empty cursor begins the list, and an empty next marks the last page. The limit is at
	// least 1, and may be as great as an int is. A cursor that is not from Keys returns
	// ErrInvalid.
	//
	// A key that exists throughout a listing is in it exactly once, also if other keys are
	// inserted, changed or deleted meanwhile. The work for a page is bounded. So a page of a
	// filtered listing may have few keys, or none, and still have a next cursor.
	Keys(ctx context.Context, f Filter, cursor string, limit int) (keys []Key, next string, err error)
}
