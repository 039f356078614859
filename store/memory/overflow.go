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
	subject string        // if it is too long for the account
	windows []endedWindow // sorted by start and name
	buckets *bucketSet

	// The latest End of the windows, and the latest instant until which one is kept, both in
	// Unix seconds and never too early. They spare an eviction a look at every one of a
	// great many windows while it holds the shard's lock.
	lastEnd, lastKept int64
}

// An endedWindow is a window outside the cells. It has mostly ended, but may be live
// where the cells did not suffice. It takes 16 bytes: what subjects share of it stays in
// the field of the layout that it was in.
type endedWindow struct {
	*field
	used int64
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

// readState reads the state of m. If it is not here, the state is zero.
func (o *overflow) readState(st *state, m *store.Meter) {
	st.bucket, st.window = store.Bucket{}, store.Window{}
	if o == nil {
		return
	}
	if m.IsWindow() {
		if i, ok := o.findWindow(m); ok {
			st.window = store.Window{Used: o.windows[i].used, Extra: o.windows[i].extra}
		}
	} else if b := o.buckets.find(m.Name); b != nil {
		st.bucket = b.state
	}
}

// put keeps the state of m here.
func (o *overflow) put(m *store.Meter, st *state, at time.Time, now int64) {
	if !m.IsWindow() {
		if o.buckets == nil {
			o.buckets = new(bucketSet)
		}
		o.buckets.put(m, &st.bucket, now)
		return
	}

	// A field may be shared, so a window with other figures gets a field of its own.
	own := func() *field { return &field{Meter: *m, extra: st.window.Extra} }
	i, ok := o.findWindow(m)
	if !ok {
		o.addWindow(own(), st.window.Used, at)
		return
	}
	w := &o.windows[i]
	if w.extra != st.window.Extra || w.End != m.End || w.Keep != m.Keep {
		w.field = own()
		o.noteWindow(m)
	}
	w.used = st.window.Used
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
func (o *overflow) addWindow(f *field, used int64, at time.Time) {
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
	o.windows = slices.Insert(o.windows, i, endedWindow{f, used})
	o.noteWindow(&f.Meter)
}
