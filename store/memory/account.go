package memory

import (
	"strings"

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
//	                        a slab            |  3 Last, Used <-+----+-- cell 3           |
//	                                          |  4 (free)       |    +--------------------+
//	                                          |  5 (free)       |
//	                                          | overflow -------+---.
//	                                          +-----------------+   |  nil for most accounts
//	                                                                v
//	                       an older layout    +--------------------------------------------+
//	                       +-------------+    | subject   a name of more than 27 bytes     |
//	                       | field  <----+----+ windows   ended ones, 16 bytes each, and   |
//	                       +-------------+    |           live ones that found no cell     |
//	                                          | wide      cells beyond the account's six   |
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
	cells    [ownCells]int64 // one after the other, as the layout's fields say
	overflow *overflow       // what finds no room here; nil for most accounts
}

const (
	ownCells    = 6             // of an account; its wide block may have more
	maxCells    = 6 + largeWide // of both together
	bucketCells = 3             // Tokens, Part and Last; Per is in the layout
	windowCells = 1             // Used and Last together; Extra is in the layout
)

// A name identifies the subject of an account. It holds a subject of up to 27 bytes, so
// that a comparison needs no further memory access. Of a longer subject it holds the
// beginning, and the overflow has the whole.
type name struct {
	hash   uint32 // the low half of the subject's hash
	length uint8  // of the subject; maxInline+1 for every longer one
	bytes  [maxInline]byte
}

// maxInline fills a name up to 32 bytes. The subjects that a Gate makes fit.
const maxInline = 27

// noSubject is the length in the name of a free account. It is no subject's, not even
// that of the empty one, which a charge that Check refuses may have.
const noSubject = 255

// belongsTo reports whether a is the account of the subject.
func (a *account) belongsTo(subject string) bool {
	if len(subject) <= maxInline {
		return int(a.name.length) == len(subject) && string(a.name.bytes[:len(subject)]) == subject
	}
	return a.name.length == maxInline+1 && *a.overflow.subject == subject
}

// setSubject makes a the account of the subject. It copies the subject, which may be part
// of a buffer that the caller uses again.
func (a *account) setSubject(subject string) {
	if copy(a.name.bytes[:], subject); len(subject) <= maxInline {
		a.name.length = uint8(len(subject))
		return
	}
	a.name.length = maxInline + 1
	subject = strings.Clone(subject)
	a.needOverflow().subject = &subject
}

// subject returns the name of the subject that the account belongs to.
func (a *account) subject() string {
	if a.name.length > maxInline {
		return *a.overflow.subject
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

// readState returns the state of m, which is the i-th meter of a part. If the account has
// none, the state is zero: a full bucket or an unused window.
func (a *account) readState(m *store.Meter, i int) store.State {
	f := a.layout.findField(m, i)
	if f == nil || f.Start != m.Start { // another window of that name has the cell
		return a.overflow.readState(m)
	}
	return a.state(f)
}

// writeState writes the state of m, which is the i-th meter of a part, to the cells of
// its field. It reports false if it did not: the state has no cells yet, or the layout
// has an old figure. placeState must keep the state then.
func (a *account) writeState(m *store.Meter, i int, st *store.State) bool {
	f := a.layout.findField(m, i)
	if f == nil || f.Start != m.Start || !f.sameFigures(m) || f.extra != st.Window.Extra {
		return false
	}
	a.setState(f, st)
	return true
}

// state returns the state in the cells of f.
func (a *account) state(f *field) (st store.State) {
	if f.IsWindow() {
		st.Window = a.window(f)
	} else {
		st.Bucket = a.bucket(f)
	}
	return st
}

// setState writes the cells of f.
func (a *account) setState(f *field, st *store.State) {
	if f.IsWindow() {
		*a.cell(f.cell) = windowCell(&st.Window)
	} else {
		setBucket(a.bucketCells(f.cell), &st.Bucket)
	}
}

// cell returns a cell of the layout. It is in the account or in its wide block.
func (a *account) cell(i int) *int64 {
	if i < ownCells {
		return &a.cells[i]
	}
	return &a.overflow.wide.cells[i-ownCells]
}

// bucketCells returns the cells of a bucket. They are next to one another: all in the
// account, or all in its wide block.
func (a *account) bucketCells(i int) *[bucketCells]int64 {
	if i < ownCells {
		return (*[bucketCells]int64)(a.cells[i:])
	}
	return (*[bucketCells]int64)(a.overflow.wide.cells[i-ownCells:])
}

func (a *account) window(f *field) store.Window { return windowOf(*a.cell(f.cell), f.extra) }

func (a *account) bucket(f *field) store.Bucket { return bucketOf(a.bucketCells(f.cell), f) }

// bucketOf builds a bucket from its cells. A bucket that nothing refills has a rate of
// zero, but its denominator must not be zero: it would read as a bucket that was never
// charged.
func bucketOf(c *[bucketCells]int64, f *field) store.Bucket {
	return store.Bucket{Tokens: c[0], Part: c[1], Last: c[2], Per: max(f.Rate.Per, 1)}
}

func setBucket(c *[bucketCells]int64, b *store.Bucket) {
	c[0], c[1], c[2] = b.Tokens, b.Part, b.Last
}

// usedBits is how many bits of a window's cell hold its Used. The bits above hold its
// Last. The cells of a store.Standing have the same form, so TakeList copies them.
const usedBits = 53

// windowCell returns the cell of a window.
func windowCell(w *store.Window) int64 { return w.Used | w.Last<<usedBits }

// windowOf returns the window of a cell.
func windowOf(cell, extra int64) store.Window {
	return store.Window{Used: cell & store.MaxUnits, Extra: extra, Last: int64(uint64(cell) >> usedBits)}
}
