package memory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// An overflow is what an account has no room for: a long name, ended windows that are
// kept for reports and late refunds, rare buckets, and the live meters of a subject that
// has more of them than cells. The methods that read accept a nil overflow, which holds
// nothing.
type overflow struct {
	subject *string       // if it is too long for the account
	windows []endedWindow // sorted by start and name
	wide    *wide         // the cells of the layout that the account has no room for
	buckets *bucketSet

	// The latest End of the windows, and the latest instant until which one is kept, both in
	// Unix seconds and never too early. They spare an eviction a look at every one of a
	// great many windows while it holds the shard's lock.
	lastEnd, lastKept int64
}

// A wide block has the cells of an account whose meters need more than six. Its room is
// in one allocation with it, so that they share cache lines.
type wide struct{ cells []int64 }

// The two sizes of a wide block. The small one suffices for two units: two buckets, two
// quotas and two usage records.
const (
	smallWide = 5
	largeWide = 29
)

// newWide returns a block of at least n cells.
func newWide(n int) *wide {
	if n <= smallWide {
		w := new(struct {
			wide
			room [smallWide]int64
		})
		w.cells = w.room[:]
		return &w.wide
	}
	w := new(struct {
		wide
		room [largeWide]int64
	})
	w.cells = w.room[:]
	return &w.wide
}

// widen makes room for n cells beyond those of the account.
func (o *overflow) widen(n int) {
	if o.wide != nil && n <= len(o.wide.cells) {
		return
	}
	w := newWide(n)
	if o.wide != nil {
		copy(w.cells, o.wide.cells)
	}
	o.wide = w
}

// An endedWindow is a window outside the cells. It has mostly ended, but may be live
// where the cells did not suffice. It takes 16 bytes: what subjects share of it stays in
// the field of the layout that it was in.
type endedWindow struct {
	*field
	cell int64 // as in an account
}

func (o *overflow) isEmpty() bool { return o == nil || len(o.windows)+o.buckets.len() == 0 }

// findWindow returns the index of a window, or the index at which it is to be inserted.
func (o *overflow) findWindow(m *store.Meter) (int, bool) {
	return slices.BinarySearchFunc(o.windows, m, func(w endedWindow, m *store.Meter) int {
		return cmp.Or(cmp.Compare(w.Start, m.Start), strings.Compare(w.Name, m.Name))
	})
}

// holds reports whether the state of m is here.
func (o *overflow) holds(m *store.Meter) (ok bool) {
	switch {
	case o == nil:
	case m.IsWindow():
		_, ok = o.findWindow(m)
	default:
		ok = o.buckets.find(m.Name) != nil
	}
	return ok
}

// readState returns the state of m. If it is not here, the state is zero.
func (o *overflow) readState(m *store.Meter) (st store.State) {
	if o == nil {
		return st
	}
	if m.IsWindow() {
		if i, ok := o.findWindow(m); ok {
			st.Window = windowOf(o.windows[i].cell, o.windows[i].extra)
		}
	} else if b := o.buckets.find(m.Name); b != nil {
		st.Bucket = b.state
	}
	return st
}

// put keeps the state of m here.
func (o *overflow) put(m *store.Meter, st *store.State, at time.Time, now int64) {
	if !m.IsWindow() {
		if o.buckets == nil {
			o.buckets = new(bucketSet)
		}
		o.buckets.put(m, &st.Bucket, now)
		return
	}

	// A field may be shared, so a window with other figures gets a field of its own.
	own := func() *field {
		f := newField(m, st)
		f.Name = strings.Clone(f.Name)
		return f
	}
	i, ok := o.findWindow(m)
	if !ok {
		o.addWindow(own(), windowCell(&st.Window), at)
		return
	}
	w := &o.windows[i]
	if w.extra != st.Window.Extra || w.End != m.End || w.Keep != m.Keep {
		w.field = own()
		o.noteWindow(m)
	}
	w.cell = windowCell(&st.Window)
}

// noteWindow moves lastEnd and lastKept to those of m, if they are earlier.
func (o *overflow) noteWindow(m *store.Meter) {
	o.lastEnd = max(o.lastEnd, m.End)
	o.lastKept = max(o.lastKept, keptUntil(m).Add(time.Second-1).Unix()) // rounded up
}

// windowsDue returns the instant from which all windows are of that kind, or a later one.
func (o *overflow) windowsDue(k kind) time.Time {
	if k == spent {
		return time.Unix(o.lastKept, 0)
	}
	return time.Unix(o.lastEnd, 0)
}

// addWindow keeps a window that is not here yet. Before the slice grows, it drops the
// windows whose Keep has passed. The slice grows by an eighth, and not by half as append
// would grow it: there may be millions of such slices.
func (o *overflow) addWindow(f *field, cell int64, at time.Time) {
	if len(o.windows) == cap(o.windows) {
		o.lastEnd, o.lastKept = 0, 0 // all that stay are noted again
		o.windows = slices.DeleteFunc(o.windows, func(w endedWindow) bool {
			if !w.isKept(at) {
				return true
			}
			o.noteWindow(&w.Meter)
			return false
		})
	}
	if n := len(o.windows); n == cap(o.windows) {
		o.windows = append(make([]endedWindow, 0, n+1+n/8), o.windows...)
	}
	i, _ := o.findWindow(&f.Meter)
	o.windows = slices.Insert(o.windows, i, endedWindow{f, cell})
	o.noteWindow(&f.Meter)
}
