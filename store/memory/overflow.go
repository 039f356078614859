package memory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// more is the part of an account that it has no room for: a long name, windows that have
// ended and are kept for reports and late refunds, and, in a subject with more than a few
// meters, live ones too. A nil more holds nothing.
type more struct {
	subject string   // if it is too long for the account
	windows []window // by start and name
	buckets *crowd

	// When the last window ends, and when the last can be forgotten, or later: in Unix
	// seconds. Of a great many windows no call looks at all to find that out.
	ends, keeps int64
}

// window is 16 bytes: what subjects share of it is in the layout that it was in.
type window struct {
	*held
	used int64
}

func (mo *more) empty() bool { return mo == nil || len(mo.windows)+mo.buckets.len() == 0 }

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
		ok = mo.buckets.find(m.Name) != nil
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
	} else if b := mo.buckets.find(m.Name); b != nil {
		st.bucket = b.state
	}
}

// put keeps the state of m here.
func (mo *more) put(m *store.Meter, st *state, at time.Time, now int64) {
	if !m.IsWindow() {
		if mo.buckets == nil {
			mo.buckets = new(crowd)
		}
		mo.buckets.put(m, &st.bucket, now)
		return
	}
	i, ok := mo.window(m)
	switch {
	case !ok:
		mo.end(&held{Meter: *m, extra: st.window.Extra}, st.window.Used, at)
	case mo.windows[i].extra != st.window.Extra || mo.windows[i].End != m.End || mo.windows[i].Keep != m.Keep:
		mo.windows[i] = window{&held{Meter: *m, extra: st.window.Extra}, st.window.Used}
		mo.lasts(m)
	default:
		mo.windows[i].used = st.window.Used
	}
}

// lasts notes when a window ends.
func (mo *more) lasts(m *store.Meter) {
	mo.ends = max(mo.ends, m.End)
	mo.keeps = max(mo.keeps, until(m).Add(time.Second-1).Unix())
}

// last is when the windows are all of that kind, or later.
func (mo *more) last(k kind) time.Time {
	if k == spent {
		return time.Unix(mo.keeps, 0)
	}
	return time.Unix(mo.ends, 0)
}

// end keeps a window that is not here yet. Those whose Keep has passed go before the
// slice grows, which it does by an eighth and not by half: there may be millions of them.
func (mo *more) end(h *held, used int64, at time.Time) {
	if len(mo.windows) == cap(mo.windows) {
		mo.ends, mo.keeps = 0, 0
		mo.windows = slices.DeleteFunc(mo.windows, func(w window) bool {
			if !w.kept(at) {
				return true
			}
			mo.lasts(&w.Meter)
			return false
		})
	}
	if n := len(mo.windows); n == cap(mo.windows) {
		mo.windows = append(make([]window, 0, n+1+n/8), mo.windows...)
	}
	i, _ := mo.window(&h.Meter)
	mo.windows = slices.Insert(mo.windows, i, window{h, used})
	mo.lasts(&h.Meter)
}
