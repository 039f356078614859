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
func (sh *shard) placeState(a *account, m *store.Meter, st *state, at time.Time, now int64) {
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
		a.needOverflow().addWindow(f, w.Used, at)
	}
}

// restoreState keeps a state that was read from a file where the charges would have left
// it.
func (sh *shard) restoreState(a *account, f *field, st *state, at time.Time, now int64) {
	live := a.layout.findField(&f.Meter, -1)
	ended := f.IsWindow() && live != nil && live.Start > f.Start

	// All accounts of the file share f, so that an ended window takes 16 bytes in a loaded
	// Store as well. A window that was extended needs a field of its own.
	if ended && st.window.Extra == 0 && !a.overflow.holds(&f.Meter) {
		a.needOverflow().addWindow(f, st.window.Used, at)
		return
	}
	sh.placeState(a, &f.Meter, st, at, now)
}

// isKept reports whether the window can still be read and refunded to.
func (f *field) isKept(at time.Time) bool { return keptUntil(&f.Meter).After(at) }

// keptUntil returns the instant from which a window may be evicted.
func keptUntil(m *store.Meter) time.Time { return time.Unix(m.End, 0).Add(m.Keep) }

// addField gives m the next free cells of a. It reports false if there are too few, or if
// m is rare: a layout with the name of one ID would never be shared.
func (sh *shard) addField(a *account, m *store.Meter, st *state) bool {
	n := windowCells
	if !m.IsWindow() {
		n = bucketCells
	}
	cell := a.layout.used
	if m.Rare || cell+n > maxCells {
		return false
	}

	// The array on the stack spares an allocation: share copies the fields if it keeps them.
	fields := append(new([maxCells]field)[:0], a.layout.fields...)
	fields = append(fields, field{Meter: *m, extra: st.window.Extra, cell: cell})
	a.layout = sh.store.layouts.share(fields, cell+n)
	a.setCells(cell, m, st)
	return true
}

// replaceField gives the cells of f to m, which has the same name.
func (sh *shard) replaceField(a *account, f *field, m *store.Meter, st *state) {
	fields := append(new([maxCells]field)[:0], a.layout.fields...)
	cell := f.cell
	for i := range fields {
		if fields[i].cell == cell {
			fields[i].Meter = *m
			fields[i].extra = st.window.Extra
		}
	}
	a.layout = sh.store.layouts.share(fields, a.layout.used)
	a.setCells(cell, m, st)
}

func (a *account) setCells(cell int, m *store.Meter, st *state) {
	if m.IsWindow() {
		a.cells[cell] = st.window.Used
	} else {
		a.setBucket(cell, &st.bucket)
	}
}
