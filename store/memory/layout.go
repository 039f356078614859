package memory

import (
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/ration-go/ration/store"
)

// A layout says what the cells of an account mean. It never changes: when a limit changes
// or a new window begins, the account gets another layout.
type layout struct {
	fields []field
	used   int // cells that the fields take, and gaps between them

	// list is a list whose meters are the first fields: see shard.knows. It is no part of
	// what the layout means, and may be nil.
	list atomic.Pointer[store.MeterList]
}

// maxFields bounds a layout. Meters beyond it are in the overflow.
const maxFields = 16

// A field is one meter of a layout, as it was last charged.
type field struct {
	store.Meter
	extra int64 // store.Window.Extra; rarely other than zero, so it has no cell
	cell  int   // the first cell of the meter's state
}

// sameName reports whether the field and m are one bucket, or windows of one name.
func (f *field) sameName(m *store.Meter) bool {
	return f.Name == m.Name && f.IsWindow() == m.IsWindow()
}

// sameFigures reports whether the field also has the limit that m has. Their names and
// starts are known to be equal.
func (f *field) sameFigures(m *store.Meter) bool {
	return f.Max == m.Max && f.Rate == m.Rate && f.End == m.End && f.Keep == m.Keep
}

// sameMeter reports whether the field was charged as m, with the same name and all
// figures. The fast path asks this of every meter, so one branch decides on everything
// that is a number. It compares neither Rare, which is the same in every charge of a
// bucket, nor Soft, which belongs to the charge. Every field is Plain.
func (f *field) sameMeter(m *store.Meter) bool {
	differs := (f.Max ^ m.Max) | (f.Start ^ m.Start) | (f.End ^ m.End) | int64(f.Keep^m.Keep) |
		(f.Rate.Tokens ^ m.Rate.Tokens) | (f.Rate.Per ^ m.Rate.Per) | int64(m.Kind)
	return differs == 0 && f.Name == m.Name
}

// findField returns the field with the name of m, or nil. The charges of a subject name
// their meters in the same order, so it looks at the i-th field before it searches.
func (l *layout) findField(m *store.Meter, i int) *field {
	if uint(i) < uint(len(l.fields)) && l.fields[i].sameName(m) {
		return &l.fields[i]
	}
	return l.searchField(m)
}

func (l *layout) searchField(m *store.Meter) *field {
	for i := range l.fields {
		if l.fields[i].sameName(m) {
			return &l.fields[i]
		}
	}
	return nil
}

// newField returns a field of m, without a cell. Whether a meter is soft belongs to the
// charge and not to the state, so a field does not say.
func newField(m *store.Meter, st *store.State) *field {
	f := &field{Meter: *m, extra: st.Window.Extra}
	f.Soft = false
	return f
}

// newLayout returns a layout of these fields, with names of its own: those of a charge
// may be part of a buffer that the caller uses again. The fields are in one allocation
// with the layout, and an ended window refers to one of them. So an ended window keeps
// its whole layout alive, and other accounts whose windows end later find that layout and
// refer to it too.
func newLayout(fields []field, used int) *layout {
	l := allocLayout(len(fields))
	l.fields = append(l.fields, fields...)
	for i := range l.fields {
		l.fields[i].Name = strings.Clone(l.fields[i].Name)
	}
	l.used = used
	return l
}

// allocLayout returns a layout with room for n fields. There are three sizes only: three
// fields, which suffice for most plans, six, and the largest number.
func allocLayout(n int) *layout {
	switch {
	case n <= 3:
		l := new(struct {
			layout
			room [3]field
		})
		l.fields = l.room[:0]
		return &l.layout
	case n <= 6:
		l := new(struct {
			layout
			room [6]field
		})
		l.fields = l.room[:0]
		return &l.layout
	}
	l := new(struct {
		layout
		room [maxFields]field
	})
	l.fields = l.room[:0]
	return &l.layout
}

// layouts finds the layouts of all shards by their fields. A few layouts stand for
// millions of accounts, and stay in the processor's cache.
//
// It holds weak pointers, by the hash of the fields. Where two layouts have one hash,
// only the later one is found, and the other gets no new accounts. The garbage collector
// frees a layout that no account and no ended window refers to any more. It is apart from
// the Store, because a registered cleanup keeps its receiver alive: the Store would
// otherwise outlive its last user.
type layouts struct {
	seed maphash.Seed
	mu   sync.Mutex
	live map[uint64]weak.Pointer[layout] // by the hash of the fields
}

func newLayouts() *layouts {
	return &layouts{seed: maphash.MakeSeed(), live: map[uint64]weak.Pointer[layout]{}}
}

// share returns the one layout of these fields, and makes it if there is none.
func (ls *layouts) share(fields []field, used int) *layout {
	// An extension belongs to one subject, so nobody else would find that layout.
	if slices.ContainsFunc(fields, func(f field) bool { return f.extra != 0 }) {
		return newLayout(fields, used)
	}
	hash := ls.hash(fields)

	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.live[hash].Value(); l != nil && slices.Equal(l.fields, fields) {
		return l
	}

	l := newLayout(fields, used)
	ls.live[hash] = weak.Make(l)
	runtime.AddCleanup(l, ls.drop, hash)
	return l
}

func (ls *layouts) hash(fields []field) uint64 {
	var h maphash.Hash
	h.SetSeed(ls.seed)
	for i := range fields {
		maphash.WriteComparable(&h, fields[i])
	}
	return h.Sum64()
}

// drop removes the entry of a layout that was collected. A new layout may have taken the
// entry before the cleanup ran; that one stays.
func (ls *layouts) drop(hash uint64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.live[hash].Value() == nil {
		delete(ls.live, hash)
	}
}
