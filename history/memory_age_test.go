package history

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMemoryForgetsOld checks that entries beyond MaxAge are not only left out of lists.
// The next Append removes them, since a MaxAge may be a promise to keep nothing longer.
// That holds in any order of their times: a clock may have been ahead for a while.
func TestMemoryForgetsOld(t *testing.T) {
	type entry struct {
		id string
		at time.Duration // after the clock
	}
	for name, c := range map[string]struct {
		before []entry
		want   []string // after 2h and one more entry, x
	}{
		"in order":             {[]entry{{"a", 0}, {"b", 0}}, []string{"x"}},
		"a clock that was set": {[]entry{{"a", 0}, {"ahead", 24 * time.Hour}, {"b", 0}, {"c", time.Minute}}, []string{"ahead", "x"}},
		"the first is ahead":   {[]entry{{"ahead", 90 * time.Minute}, {"b", 0}, {"c", 0}}, []string{"ahead", "x"}},
		"more than there is room": {
			[]entry{{"a", 0}, {"b", 0}, {"ahead", 24 * time.Hour}, {"c", 0}, {"d", 0}, {"e", 0}, {"f", 0}},
			[]string{"ahead", "x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := NewMemory(Bounds{MaxAge: time.Hour, Max: 6})
				add := func(e entry) {
					require.NoError(t, m.Append(t.Context(), Entry{At: time.Now().Add(e.at), Action: Create, Kind: KindKey, ID: e.id}))
				}
				for _, e := range c.before {
					add(e)
				}
				time.Sleep(2 * time.Hour)
				add(entry{"x", 0})
				var kept []string
				for _, e := range m.entries {
					if e.ID != "" {
						kept = append(kept, e.ID)
					}
				}
				require.ElementsMatch(t, c.want, kept)
				page, _, err := m.List(t.Context(), Filter{}, "", 10)
				require.NoError(t, err)
				require.Len(t, page, len(c.want))
			})
		})
	}
}
