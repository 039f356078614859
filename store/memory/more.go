package memory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// more is the part of an account that it has no room for: a long name, windows that have ended and are kept for reports and
// late refunds, and, in a subject with more than a few meters, live ones too. A nil more holds nothing.
type more struct {
	subject string   // if it is too long for the account
	windows []window // by start and name
	buckets map[string]bucket
	crowd   int // of buckets, from which those that are full again are forgotten
}

// window is 16 bytes: what subjects share of it is in the layout that it was in.
type window struct {
	*held
	used int64
}

type bucket struct {
	store.Meter // as it was last charged
	state       store.Bucket
}

func (mo *more) empty() bool { return mo == nil || len(mo.windows)+len(mo.buckets) == 0 }

func (mo *more) window(m *store.Meter) (int, bool) {
	return slices.BinarySearchFunc(mo.windows, m, func(w window, m *store.Meter) int {
		return cmp.Or(cmp.Compare(w.Start, m.Start), strings.Compare(w.Name, m.Name))
	})
}

func (mo *more) holds(m *store.Meter) (ok bool) {
	switch {
	case mo == nil:
	case m.IsWindow():
		_, ok = mo.window(m)
	default:
		_, ok = mo.buckets[m.Name]
	}
	return ok
}

// load reads the state of m; it is zero if it is not here.
func (mo *more) load(st *state, m *store.Meter) {
	st.bucket, st.window = store.Bucket{}, store.Window{}
	if mo == nil {
		return
	}
	if m.IsWindow() {
		if i, ok := mo.window(m); ok {
			st.window = store.Window{Used: mo.windows[i].used, Extra: mo.windows[i].extra}
		}
	} else {
		st.bucket = mo.buckets[m.Name].state
	}
}

// put keeps the state of m here.
func (mo *more) put(m *store.Meter, st *state, at time.Time, now int64) {
	if !m.IsWindow() {
		mo.putBucket(m, st, now)
		return
	}
	i, ok := mo.window(m)
	switch {
	case !ok:
		mo.end(&held{Meter: *m, extra: st.window.Extra}, st.window.Used, at)
	case mo.windows[i].extra != st.window.Extra || mo.windows[i].End != m.End || mo.windows[i].Keep != m.Keep:
		mo.windows[i] = window{&held{Meter: *m, extra: st.window.Extra}, st.window.Used}
	default:
		mo.windows[i].used = st.window.Used
	}
}

// putBucket forgets buckets that are as good as new when there are twice as many as it last left.
func (mo *more) putBucket(m *store.Meter, st *state, now int64) {
	if len(mo.buckets) >= max(mo.crowd, few) {
		maps.DeleteFunc(mo.buckets, func(_ string, b bucket) bool { return b.state.FullAt(&b.Meter) <= now })
		mo.crowd = 2 * len(mo.buckets)
	}
	if mo.buckets == nil {
		mo.buckets = map[string]bucket{}
	}
	mo.buckets[m.Name] = bucket{*m, st.bucket}
}

// few buckets are not worth a look at each.
const few = 16

// end keeps a window that is not here yet. Those whose Keep has passed go before the slice grows, which it does by an
// eighth and not by half: there may be millions of them.
func (mo *more) end(h *held, used int64, at time.Time) {
	if len(mo.windows) == cap(mo.windows) {
		mo.windows = slices.DeleteFunc(mo.windows, func(w window) bool { return !w.kept(at) })
	}
	if n := len(mo.windows); n == cap(mo.windows) {
		mo.windows = append(make([]window, 0, n+1+n/8), mo.windows...)
	}
	i, _ := mo.window(&h.Meter)
	mo.windows = slices.Insert(mo.windows, i, window{h, used})
}
