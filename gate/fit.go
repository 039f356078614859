package gate

import (
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// A Fit says when a request is admitted if no other request comes first. It is at once if
// Now is set, and never if At is zero as well. It heeds neither soft limits nor, while
// Gate.Enforce is off, any other.
//
// A throttle that all clients share counts only while no limit of the key and its groups
// refuses.
type Fit struct {
	Now bool
	At  time.Time
}

// fit returns when the request as asked is admitted. d is the Peek of one request.
func (r *usageReader) fit(d *Decision) Fit {
	if r.lenient.Load() {
		return Fit{Now: true, At: r.usage.At}
	}
	var from time.Duration // every throttle admits the request from then on
	if d.refuser != nil {
		from = d.RetryAfter
	}
	var windows []fitWindow
	add := func(m *meters, levels []store.Level) {
		for i := range m.limits {
			l, n := &levels[i], r.amount(m, i)
			switch {
			case m.limits[i].Soft:
			case m.limits[i].IsQuota():
				windows = append(windows, fitWindow{n <= l.Remaining(), n <= m.list[i].Max, l.Reset})
			default:
				from = max(from, waitOf(&m.list[i], n, l))
			}
		}
	}
	add(d.meters, d.levels())
	for l := d.groups; l != nil; l = l.above {
		add(l.meters, l.levels())
	}
	wait, ok := firstFit(from, windows)
	if !ok {
		return Fit{}
	}
	return Fit{Now: wait == 0, At: r.usage.At.Add(wait)}
}

// A fitWindow says whether a quota has room for a request: now, until its window ends,
// and in each window after that. A window that was extended may have room now only.
type fitWindow struct {
	now, later bool
	end        time.Duration
}

// firstFit returns the first time, from the given one on, at which all windows have room.
func firstFit(from time.Duration, windows []fitWindow) (time.Duration, bool) {
	if from == store.Never {
		return 0, false
	}
	candidates := []time.Duration{from}
	for _, w := range windows {
		if w.end > from && w.end != store.Never {
			candidates = append(candidates, w.end)
		}
	}
	slices.Sort(candidates)
	for _, at := range candidates {
		if !slices.ContainsFunc(windows, func(w fitWindow) bool {
			return at < w.end && !w.now || at >= w.end && !w.later
		}) {
			return at, true
		}
	}
	return 0, false
}
