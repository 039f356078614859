package memory

import (
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// Where the state of a subject is. The top bits of the hash of its name choose a shard.
// The low bits choose where the search in the shard's index begins.
//
//	shard.index            shard.slabs        account, 96 bytes      layout, shared
//	+--------------+       +----------+       +-----------------+    +--------------------+
//	| 0            |       | slab 0   |   .-->| name            |    | fields             |
//	| tag | slot+1-+-slot->| slab 1 --+---'   | layout ---------+--->|  bucket: Max, Rate |
//	| 0            |       | ...      |       | cells           |    |  window: Max, End  |
//	| tag | slot+1 |       +----------+       |  0 Tokens  <----+----+-- cell 0           |
//	+--------------+                          |  1 Part         |    |                    |
//	  4 bytes each          512 accounts      |  2 Last         |    |                    |
//	                        a slab            |  3 Used    <----+----+-- cell 3           |
//	                                          |  4 (free)       |    +--------------------+
//	                                          |  5 (free)       |
//	                                          | overflow -------+---.
//	                                          +-----------------+   |  nil for most accounts
//	                                                                v
//	                       an older layout    +--------------------------------------------+
//	                       +-------------+    | subject   a name of more than 27 bytes     |
//	                       | field  <----+----+ windows   ended ones, 16 bytes each, and   |
//	                       +-------------+    |           live ones that found no cell     |
//	                                          | buckets   rare ones, and others that found |
//	                                          |           no cell, in a map                |
//	                                          +--------------------------------------------+
//
// The state of a meter is in one of three places:
//
//   - The cells, and the layout agrees with the meter in every figure. Nearly every
//     charge finds only such meters, and takes the fast path (fastpath.go).
//   - The cells, but the layout has an old limit. The charge then gives the account
//     another layout (placement.go). The first charge of a new window does the same, and
//     takes over the cell of the window before it.
//   - The overflow.

// An account is the state of one subject: 96 bytes for everything that most subjects
// need, their names included. What accounts have in common, the meters and their figures,
// is in a layout that they share.
type account struct {
	name     name
	layout   *layout
	cells    [maxCells]int64 // one after the other, as the layout's fields say
	overflow *overflow       // what finds no room here; nil for most accounts
}

const (
	maxCells    = 6
	bucketCells = 3 // Tokens, Part and Last; Per follows from the rate in the layout
	windowCells = 1 // Used; Extra is in the layout
)

// A name identifies the subject of an account. It holds a subject of up to 27 bytes, so
// that a comparison needs no further memory access. Of a longer subject it holds the
// beginning, and the overflow has the whole. The zero name belongs to no subject.
type name struct {
	hash   uint32 // the low half of the subject's hash
	length uint8  // of the subject; maxInline+1 for every longer one
	bytes  [maxInline]byte
}

// maxInline fills a name up to 32 bytes. The subjects that a Gate makes fit.
const maxInline = 27

// belongsTo reports whether a is the account of the subject.
func (a *account) belongsTo(subject string) bool {
	if len(subject) <= maxInline {
		return int(a.name.length) == len(subject) && string(a.name.bytes[:len(subject)]) == subject
	}
	return a.name.length == maxInline+1 && a.overflow.subject == subject
}

// setSubject makes a the account of the subject. It copies the subject, which may be part
// of a buffer that the caller uses again.
func (a *account) setSubject(subject string) {
	if copy(a.name.bytes[:], subject); len(subject) <= maxInline {
		a.name.length = uint8(len(subject))
		return
	}
	a.name.length = maxInline + 1
	a.overflow = &overflow{subject: strings.Clone(subject)}
}

// subject returns the name of the subject that the account belongs to.
func (a *account) subject() string {
	if a.name.length > maxInline {
		return a.overflow.subject
	}
	return string(a.name.bytes[:a.name.length])
}

// needOverflow returns the overflow of a, and makes one first if there is none.
func (a *account) needOverflow() *overflow {
	if a.overflow == nil {
		a.overflow = new(overflow)
	}
	return a.overflow
}

// A state is a working copy of one meter's state. It has room for both kinds, and the
// meter says which one counts. Its methods and readState fill it in place: copying values
// of this size is a good part of the time of a decision.
type state struct {
	bucket store.Bucket
	window store.Window

	// field is where the state is in the account's layout. It is nil if the state is in the
	// overflow or nowhere.
	field *field

	// known says that the layout also has the figures of the meter. Those were checked when
	// the meter was first charged.
	known bool
}

// take charges n to the state and fills in the level.
func (st *state) take(m *store.Meter, at time.Time, now, n int64, l *store.Level) (ok bool) {
	if m.IsWindow() {
		st.window, *l, ok = st.window.Take(m, at.UnixMicro(), n)
	} else {
		st.bucket, *l, ok = st.bucket.Take(m, now, n)
	}
	return ok
}

// setRemaining leaves n units in the state and fills in the level.
func (st *state) setRemaining(m *store.Meter, at time.Time, now, n int64, l *store.Level) {
	if m.IsWindow() {
		st.window, *l = st.window.Set(m, at.UnixMicro(), n)
	} else {
		st.bucket, *l = st.bucket.Set(m, now, n)
	}
}

// readState reads the state of m, which is the i-th meter of a charge. If the account has
// none, the state is zero: a full bucket or an unused window.
func (a *account) readState(st *state, m *store.Meter, i int) {
	f := a.layout.findField(m, i)
	switch {
	case f == nil || f.Start != m.Start: // another window of that name has the cell
		st.field, st.known = nil, false
		a.overflow.readState(st, m)
	case f.IsWindow():
		st.field, st.known = f, f.sameFigures(m)
		st.window = a.window(f)
	default:
		st.field, st.known = f, f.sameFigures(m)
		st.bucket, st.window = a.bucket(f), store.Window{}
	}
}

// writeState writes a state back into the cells that readState found. It reports whether
// that was all. If not, the layout has an old figure or the state has no cells yet, and
// placeState must keep the state.
func (a *account) writeState(st *state) bool {
	f := st.field
	switch {
	case f == nil:
		return false
	case f.IsWindow():
		a.cells[f.cell] = st.window.Used
		return st.known && f.extra == st.window.Extra
	default:
		a.setBucket(f.cell, &st.bucket)
		return st.known
	}
}

func (a *account) window(f *field) store.Window {
	return store.Window{Used: a.cells[f.cell], Extra: f.extra}
}

// bucket builds a bucket from its cells. A bucket that nothing refills has a rate of
// zero, but its denominator must not be zero: it would read as a bucket that was never
// charged.
func (a *account) bucket(f *field) store.Bucket {
	c := a.cells[f.cell : f.cell+bucketCells]
	return store.Bucket{Tokens: c[0], Part: c[1], Last: c[2], Per: max(f.Rate.Per, 1)}
}

func (a *account) setBucket(cell int, b *store.Bucket) {
	c := a.cells[cell : cell+bucketCells]
	c[0], c[1], c[2] = b.Tokens, b.Part, b.Last
}
