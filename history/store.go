package history

import (
	"context"
	"errors"
	"time"
)

// ErrInvalid is wrapped by errors about arguments that break a rule.
var ErrInvalid = errors.New("history: invalid")

// A Store keeps entries, and forgets the oldest ones. It is safe for concurrent use.
// Every method is atomic. Package storetest has tests for stores.
//
// Two Stores over one storage act as one Store.
type Store interface {
	// Append adds an Entry. It becomes the newest one, whatever its time is. The Store keeps
	// what the Entry has, with times in whole microseconds. It keeps Before and After byte
	// by byte if they are as package encoding/json writes them, and otherwise an equal
	// value. It shares no memory with its callers.
	//
	// The error wraps ErrInvalid for an Entry that Validate refuses. If ctx is done before
	// the call begins, nothing is added, and the error wraps ctx.Err().
	Append(ctx context.Context, e Entry) error

	// List returns a page of the entries that f selects, newest first, and the cursor of
	// the next page. The empty cursor begins the list, and an empty next marks the last
	// page. The limit is at least 1. A cursor that is not from List, and a limit below 1,
	// return an error that wraps ErrInvalid.
	//
	// An entry that exists throughout a listing is in it exactly once, also if others are
	// added or forgotten meanwhile. A page before the last may have fewer entries than the
	// limit, or none.
	List(ctx context.Context, f Filter, cursor string, limit int) (entries []Entry, next string, err error)
}

// Bounds bounds what a Store keeps. The zero Bounds has the defaults.
type Bounds struct {
	// Max is how many entries are kept. The default is 10,000, also for a Max below 0. In a
	// database there may be some fewer, since a failed change uses up a number.
	Max int

	// MaxAge is how long an entry is kept, counted from its At. By default it is kept as
	// long as Max allows. An entry that is too old is not listed. It is removed when the
	// next one is added.
	MaxAge time.Duration
}

// DefaultMax is the default of Bounds.Max.
const DefaultMax = 10_000

// WithDefaults returns b with its defaults. It is for stores.
func (b Bounds) WithDefaults() Bounds {
	if b.Max <= 0 {
		b.Max = DefaultMax
	}
	b.MaxAge = max(b.MaxAge, 0)
	return b
}

// Oldest returns the time before which an entry is too old to be listed. It is the zero
// time if there is no MaxAge. It is for stores.
func (b Bounds) Oldest() time.Time {
	if b.MaxAge <= 0 {
		return time.Time{}
	}
	return time.Now().Add(-b.MaxAge)
}
