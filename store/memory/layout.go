package memory

import (
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// rewrite keeps the state of m where that takes another layout, or a place outside the cells: a meter charged for the
// first time, a window that follows another, an older window, a changed limit, an extension.
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

func newLayout(draft []held, used int) *layout {
	l := &layout{held: slices.Clone(draft), used: used}
	for i := range draft {
		if !draft[i].IsWindow() {
			l.buckets++
		}
	}
	return l
}

// layouts are those that accounts were given lately, of all shards, so that few stand for millions of accounts and stay
// in the processor's cache. One that has dropped out of the list lives on with the accounts that have it.
type layouts struct {
	mu     sync.Mutex
	recent [64]*layout
	oldest int
}

// share is the layout of these meters and of so many cells.
func (ls *layouts) share(draft []held, used int) *layout {
	if slices.ContainsFunc(draft, func(h held) bool { return h.extra != 0 }) { // an extension is one subject's
		return newLayout(draft, used)
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.recent {
		if l != nil && slices.Equal(l.held, draft) {
			return l
		}
	}
	l := newLayout(draft, used)
	ls.recent[ls.oldest] = l
	ls.oldest = (ls.oldest + 1) % len(ls.recent)
	return l
}
