package memory

import (
	"hash/maphash"
	"runtime"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/ration-go/ration/store"
)

// rewrite keeps the state of m where that takes another layout, or a place outside the
// cells: a meter charged for the first time, a window that follows another, an older
// window, a changed limit, an extension.
func (sh *shard) rewrite(a *account, m *store.Meter, st *state, at time.Time, now int64) {
	h := a.layout.find(m, -1)
	switch {
	case h == nil && a.more.holds(m):
		a.more.put(m, st, at, now)
	case h == nil:
		if !sh.extend(a, m, st) {
			if a.more == nil {
				a.more = new(more)
			}
			a.more.put(m, st, at, now)
		}
	case h.Start > m.Start: // an older window
		if a.more == nil {
			a.more = new(more)
		}
		a.more.put(m, st, at, now)
	case h.Start < m.Start: // a newer one: it takes the cell, and the older is kept apart
		if w := (store.Window{Used: a.cells[h.cell], Extra: h.extra}); w != (store.Window{}) && h.kept(at) {
			if a.more == nil {
				a.more = new(more)
			}
			a.more.end(h, w.Used, at)
		}
		sh.replace(a, h, m, st)
	default:
		sh.replace(a, h, m, st)
	}
}

// kept says whether the window can still be asked for.
func (h *held) kept(at time.Time) bool { return until(&h.Meter).After(at) }

// until is when a window may be forgotten.
func until(m *store.Meter) time.Time { return time.Unix(m.End, 0).Add(m.Keep) }

// extend gives m the next cells of a. It is false if they do not suffice.
func (sh *shard) extend(a *account, m *store.Meter, st *state) bool {
	n := windowCells
	if !m.IsWindow() {
		n = bucketCells
	}
	cell := a.layout.used
	if m.Rare || cell+n > cells {
		return false
	}
	next := append(new([cells]held)[:0], a.layout.held...)
	a.layout = sh.store.layouts.share(append(next, held{Meter: *m, extra: st.window.Extra, cell: cell}), cell+n)
	a.fill(cell, m, st)
	return true
}

// replace gives the cells of h to m.
func (sh *shard) replace(a *account, h *held, m *store.Meter, st *state) {
	next, cell := append(new([cells]held)[:0], a.layout.held...), h.cell
	for i := range next {
		if next[i].cell == cell {
			next[i].Meter, next[i].extra = *m, st.window.Extra
		}
	}
	a.layout = sh.store.layouts.share(next, a.layout.used)
	a.fill(cell, m, st)
}

func (a *account) fill(cell int, m *store.Meter, st *state) {
	if m.IsWindow() {
		a.cells[cell] = st.window.Used
	} else {
		a.store(cell, &st.bucket)
	}
}

// newLayout has its meters in one piece of memory with it: a window that has ended refers
// to one of them, and so keeps the layout for who else leaves it.
func newLayout(draft []held, used int) *layout {
	l := roomFor(len(draft))
	l.held, l.used = append(l.held, draft...), used
	for i := range draft {
		if !draft[i].IsWindow() {
			l.buckets++
		}
	}
	return l
}

// roomFor is a layout with room for n meters: three, as most have, or as many as there
// can be.
func roomFor(n int) *layout {
	if n <= 3 {
		l := new(struct {
			layout
			room [3]held
		})
		l.held = l.room[:0]
		return &l.layout
	}
	l := new(struct {
		layout
		room [cells]held
	})
	l.held = l.room[:0]
	return &l.layout
}

// layouts are those that accounts have, or windows that have ended, of all shards: few
// stand for millions of accounts and stay in the processor's cache. It keeps none alive,
// and is apart from the Store, which the cleanups would else keep.
type layouts struct {
	seed maphash.Seed
	mu   sync.Mutex
	live map[uint64]weak.Pointer[layout] // by the hash of their meters; where two have one, the later
}

func newLayouts() *layouts {
	return &layouts{seed: maphash.MakeSeed(), live: map[uint64]weak.Pointer[layout]{}}
}

// share is the layout of these meters and of so many cells.
func (ls *layouts) share(draft []held, used int) *layout {
	if slices.ContainsFunc(draft, func(h held) bool { return h.extra != 0 }) { // an extension is one subject's
		return newLayout(draft, used)
	}
	var all [cells]held
	copy(all[:], draft)
	hash := maphash.Comparable(ls.seed, all)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.live[hash].Value(); l != nil && slices.Equal(l.held, draft) {
		return l
	}
	l := newLayout(draft, used)
	ls.live[hash] = weak.Make(l)
	runtime.AddCleanup(l, ls.drop, hash)
	return l
}

// drop forgets a layout that nobody has, unless another has taken its place meanwhile.
func (ls *layouts) drop(hash uint64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.live[hash].Value() == nil {
		delete(ls.live, hash)
	}
}
