package memory

import (
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// account is the state of one subject: 96 bytes for all that most subjects need, their
// names included. What accounts have in common, the meters and their figures, is in a
// layout that they share.
type account struct {
	name   name
	layout *layout
	cells  [cells]int64 // of the layout's meters, in turn: three for a bucket, one for a window
	more   *more        // what there is no room for here; nil: nothing
}

const (
	cells       = 6
	bucketCells = 3 // Tokens, Part, Last; Per is the rate's, in the layout
	windowCells = 1 // Used; Extra is in the layout
)

// name is a subject of up to 27 bytes within its account, where it costs no look at
// another place in memory; of a longer one it is the beginning, and the whole is in the
// account's more. The zero name is of no subject.
type name struct {
	hash   uint32 // the low half
	length uint8  // inlined+1: longer
	bytes  [inlined]byte
}

const inlined = 27 // those of the Gate's own making

// is says whether the account is that of a subject.
func (a *account) is(subject string) bool {
	if len(subject) <= inlined {
		return int(a.name.length) == len(subject) && string(a.name.bytes[:len(subject)]) == subject
	}
	return a.name.length == inlined+1 && a.more.subject == subject
}

// call names the account. It copies the subject, which may be part of a request's buffer.
func (a *account) call(subject string) {
	if copy(a.name.bytes[:], subject); len(subject) <= inlined {
		a.name.length = uint8(len(subject))
		return
	}
	a.name.length = inlined + 1
	a.more = &more{subject: strings.Clone(subject)}
}

// layout says what an account's cells mean. It is never changed: an account is given
// another.
type layout struct {
	held    []held
	used    int // cells
	buckets int
}

// held is a meter as it was last charged, with what of its state is rarely an account's
// own.
type held struct {
	store.Meter
	extra int64 // of a window
	cell  int   // its first
}

// is says whether h and m are one bucket, or windows of one name.
func (h *held) is(m *store.Meter) bool { return h.Name == m.Name && h.IsWindow() == m.IsWindow() }

// same says whether m, which h is, has the figures that h has.
func (h *held) same(m *store.Meter) bool {
	return h.Max == m.Max && h.Rate == m.Rate && h.End == m.End && h.Keep == m.Keep
}

// find is the held meter that is m, or nil. Charges name their meters in the same order,
// so it looks at the i-th first.
func (l *layout) find(m *store.Meter, i int) *held {
	if uint(i) < uint(len(l.held)) && l.held[i].is(m) {
		return &l.held[i]
	}
	return l.search(m)
}

func (l *layout) search(m *store.Meter) *held {
	for j := range l.held {
		if l.held[j].is(m) {
			return &l.held[j]
		}
	}
	return nil
}

// state is that of a bucket or of a window, whichever the meter is. Its methods fill in
// what they answer: copies of values this size are a good part of a decision.
type state struct {
	bucket store.Bucket
	window store.Window
	held   *held // where it is in the layout; nil: elsewhere, or nowhere
	known  bool  // the layout has the meter's figures, too
}

func (st *state) take(m *store.Meter, at time.Time, now, n int64, l *store.Level) (ok bool) {
	if m.IsWindow() {
		st.window, *l, ok = st.window.Take(m, at.UnixMicro(), n)
	} else {
		st.bucket, *l, ok = st.bucket.Take(m, now, n)
	}
	return ok
}

func (st *state) set(m *store.Meter, at time.Time, now, n int64, l *store.Level) {
	if m.IsWindow() {
		st.window, *l = st.window.Set(m, at.UnixMicro(), n)
	} else {
		st.bucket, *l = st.bucket.Set(m, now, n)
	}
}

// load reads the state of m, the i-th of a charge; it is zero if a has none.
func (a *account) load(st *state, m *store.Meter, i int) {
	h := a.layout.find(m, i)
	switch {
	case h == nil || h.Start != m.Start:
		st.held, st.known = nil, false
		a.more.load(st, m)
	case h.IsWindow():
		st.held, st.known = h, h.same(m)
		st.window = a.window(h)
	default:
		st.held, st.known = h, h.same(m)
		st.bucket, st.window = a.bucket(h), store.Window{}
	}
}

func (a *account) window(h *held) store.Window {
	return store.Window{Used: a.cells[h.cell], Extra: h.extra}
}

func (a *account) bucket(h *held) store.Bucket {
	c := a.cells[h.cell : h.cell+bucketCells]
	return store.Bucket{Tokens: c[0], Part: c[1], Last: c[2], Per: max(h.Rate.Per, 1)}
}

// keep writes a state back to where it was loaded from, if the layout has all that is not
// in the cells. If it is false the state is still to be kept.
func (a *account) keep(st *state) bool {
	h := st.held
	switch {
	case h == nil:
		return false
	case h.IsWindow():
		a.cells[h.cell] = st.window.Used
		return st.known && h.extra == st.window.Extra
	default:
		a.store(h.cell, &st.bucket)
		return st.known
	}
}

func (a *account) store(cell int, b *store.Bucket) {
	c := a.cells[cell : cell+bucketCells]
	c[0], c[1], c[2] = b.Tokens, b.Part, b.Last
}
