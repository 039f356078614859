package apikey

import (
	"context"
	"errors"
	"strings"
)

// Errors that a Store returns, wrapped or as they are. Any other error means that the
// store failed; a change may then have happened.
var (
	// ErrNotFound: there is no such key.
	ErrNotFound = errors.New("apikey: not found")

	// ErrExists: the id or a digest belongs to another key.
	ErrExists = errors.New("apikey: id or secret exists")

	// ErrConflict: somebody else changed the key since it was read.
	ErrConflict = errors.New("apikey: changed meanwhile")

	// ErrInvalid: an argument breaks its rule. Nothing has changed. A Service reports all
	// faults of a call at once.
	ErrInvalid = errors.New("apikey: invalid")
)

// Filter narrows a listing. The zero Filter lets every key through.
type Filter struct {
	// NamePrefix is what the name begins with, upper and lower case told apart.
	NamePrefix string

	// CustomerID is whose the key is; empty: anybody's.
	CustomerID string
}

// Passes says whether the filter lets a key through.
func (f *Filter) Passes(k *Key) bool {
	return strings.HasPrefix(k.Name, f.NamePrefix) && (f.CustomerID == "" || f.CustomerID == k.CustomerID)
}

// Store keeps keys. Every method is atomic by itself and safe for concurrent use, and
// honours ctx. What was written is seen by every call that begins after the write has
// returned. A Store keeps a Key as it is and judges nothing in it: that is the Service's
// work, and Key.Accepts. What goes in and out is the caller's own: a Store keeps and
// gives clones.
type Store interface {
	// InsertKey adds k, its Version included. It is ErrExists if the id of k, its Digest or
	// its Retiring (unless that is zero) is an id or one of the digests of a stored key.
	InsertKey(ctx context.Context, k Key) error

	// Key is the key of that id, or ErrNotFound.
	Key(ctx context.Context, id string) (Key, error)

	// KeyByDigest is the key whose Digest or Retiring is d, whatever the time and the state
	// of the key: the caller judges with Key.Accepts. ErrNotFound if there is none, and for
	// the zero Digest always.
	KeyByDigest(ctx context.Context, d Digest) (Key, error)

	// UpdateKey replaces the key of k's id by k with a Version one greater; digests that are
	// no longer in it are free again. It is ErrNotFound if there is no such id, ErrConflict
	// unless k.Version is the stored one, and ErrExists if a digest belongs to another key.
	UpdateKey(ctx context.Context, k Key) error

	// DeleteKey removes a key and frees its id and digests, or is ErrNotFound.
	DeleteKey(ctx context.Context, id string) error

	// Keys is one page of a listing, newest first: at most limit keys, of at least 1, and
	// the cursor of the next page. The empty cursor starts, and an empty next says that this
	// was the last page. Keys that exist throughout a listing are in it exactly once, even
	// if others are inserted, changed and deleted meanwhile. The work for a page is bounded,
	// so a page of a filtered listing may come back short, or empty, with a cursor. A cursor
	// that Keys did not make is ErrInvalid.
	Keys(ctx context.Context, f Filter, cursor string, limit int) (keys []Key, next string, err error)
}
