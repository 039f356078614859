package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// placeState keeps the state of m when writeState could not: when m is charged for the
// first time, a window follows another or is older than the one in the cells, a limit has
// changed, or a window was extended.
//
// The cells belong to the newest window of a name. An older one is in the overflow, where
// late refunds still find it.
func (sh *shard) placeState(a *account, m *store.Meter, st *store.State, at time.Time, now int64) {
	f := a.layout.findField(m, -1)
	if f == nil {
		// Other buckets than m go only when they are full by the clock of this process, too. A
		// caller whose clock is ahead would make IDs be charged again.
		now = min(now, sh.store.micros(time.Time{}))
		if a.overflow.holds(m) || !sh.addField(a, m, st) {
			a.needOverflow().put(m, st, at, now)
		}
		return
	}
	if f.Start > m.Start {
		a.needOverflow().put(m, st, at, now)
		return
	}
	if f.Start < m.Start {
		a.retireWindow(f, at)
	}
	sh.replaceField(a, f, m, st)
}

// retireWindow moves the window of a field to the overflow, if it was used and is still
// kept.
func (a *account) retireWindow(f *field, at time.Time) {
	if w := a.window(f); w != (store.Window{}) && f.isKept(at) {
		a.needOverflow().addWindow(f, windowCell(&w), at)
	}
}

// restoreState keeps a state that was read from a file where the charges would have left
// it.
func (sh *shard) restoreState(a *account, f *field, st *store.State, at time.Time, now int64) {
	live := a.layout.findField(&f.Meter, -1)
	ended := f.IsWindow() && live != nil && live.Start > f.Start

	// All accounts of the file share f, so that an ended window takes 16 bytes in a loaded
	// Store as well. A window that was extended needs a field of its own.
	if ended && st.Window.Extra == 0 && !a.overflow.holds(&f.Meter) {
		a.needOverflow().addWindow(f, windowCell(&st.Window), at)
		return
	}
	sh.placeState(a, &f.Meter, st, at, now)
}

// isKept reports whether the window can still be read and refunded to.
func (f *field) isKept(at time.Time) bool { return keptUntil(&f.Meter).After(at) }

// keptUntil returns the instant from which a window may be evicted.
func keptUntil(m *store.Meter) time.Time { return time.Unix(m.End, 0).Add(m.Keep) }

// addField gives m cells of a. It reports false if there are too few, or if m is rare: a
// layout with the name of one ID would never be shared.
func (sh *shard) addField(a *account, m *store.Meter, st *store.State) bool {
	n := windowCells
	if !m.IsWindow() {
		n = bucketCells
	}
	cell := a.layout.used
	if cell < ownCells && cell+n > ownCells {
		cell = ownCells // the cells of a bucket are in one place; the gap stays empty
	}
	if isRare(m) || cell+n > maxCells || len(a.layout.fields) == maxFields {
		return false
	}

	// The array on the stack spares an allocation: share copies the fields if it keeps them.
	fields := append(new([maxFields]field)[:0], a.layout.fields...)
	f := newField(m, st)
	f.cell = cell
	fields = append(fields, *f)
	if cell+n > ownCells {
		a.needOverflow().widen(cell + n - ownCells)
	}
	a.layout = sh.store.layouts.share(fields, cell+n)
	a.setState(f, st)
	return true
}

// isRare reports whether m is a rare bucket. A window is none, whatever it is marked as:
// the next charge may mark it otherwise, and its state would be in two places.
func isRare(m *store.Meter) bool { return m.Rare && !m.IsWindow() }

// replaceField gives the cells of f to m, which has the same name.
func (sh *shard) replaceField(a *account, f *field, m *store.Meter, st *store.State) {
	fields := append(new([maxFields]field)[:0], a.layout.fields...)
	next := newField(m, st)
	next.cell = f.cell
	for i := range fields {
		if fields[i].cell == f.cell {
			fields[i] = *next
		}
	}
	a.layout = sh.store.layouts.share(fields, a.layout.used)
	a.setState(next, st)
}
