package lease

import (
	"github.com/ration-go/ration/store"
)

// The inner Counter counts how much of a quota is leased, to any process, and not known
// to be spent: see store.LeasedSubject. Each settlement changes that count in the same
// step in which it pays for units, or gives them back.

// countOf returns the meter of the count of m. It has the window of the quota.
func countOf(m *meter) store.Meter {
	return store.Meter{Name: m.Name, Max: store.Unlimited, Start: m.Start, End: m.End, Keep: m.Keep}
}

// showCounts takes what this account has leased off the counts of its subject, because
// Peek does not show it as used either. The lock is held.
func (a *account) showCounts(meters []store.Meter, levels []store.Level) {
	for i := range meters {
		if m := a.meter(&meters[i], i); m != nil && m.IsWindow() {
			levels[i].Used = max(0, levels[i].Used-m.counting)
		}
	}
}
