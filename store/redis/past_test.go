package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestPastOutlivesWindow checks that a value lives as long as any window that it has
// ended. A subject without a value has no past, so the window would begin anew.
func TestPastOutlivesWindow(t *testing.T) {
	now := time.Unix(quota.Start, 0)
	const week = 7 * 24 * time.Hour
	today := store.Meter{Name: "day", Max: 9, Start: quota.Start, End: quota.Start + 3600}
	earlier := store.Meter{Name: "day", Max: 9, Start: quota.Start - 3600, End: quota.Start, Keep: week}
	fixed := store.Meter{Name: "fixed", Max: 10}
	brief := store.Meter{Name: "fixed", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1}}

	for _, test := range []struct {
		name    string
		charges [][]store.Meter
	}{
		{"a window is charged after its successor", [][]store.Meter{{today}, {earlier}}},
		{"in one charge, the successor first", [][]store.Meter{{today, earlier}}},
		{"in one charge", [][]store.Meter{{earlier, today}}},
		{"before its successor", [][]store.Meter{{earlier}, {today}}},
		{"a value without an end gets one", [][]store.Meter{{fixed, earlier}, {today}, {brief}}},
		{"a value without an end gets one by a charge of all", [][]store.Meter{{fixed, today}, {brief, earlier}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := longLived(t)
			s := newStore(t, dial(t, server.Addr()), decisionScripts)
			server.SetTime(now)
			for _, meters := range test.charges {
				c := chargeAt(store.Spend, now, "a", 3, meters...)
				require.NoError(t, s.Take(t.Context(), c))
				require.True(t, c.OK)
			}
			later := now.Add(week - time.Second)
			server.SetTime(later)
			server.FastForward(later.Sub(now))
			c := chargeAt(store.Spend, later, "a", 0, earlier)
			require.NoError(t, s.Take(t.Context(), c))
			require.EqualValues(t, 3, c.Parts[0].Levels[0].Used)
			require.NotZero(t, server.TTL("ration:{a}"))
		})
	}
}
