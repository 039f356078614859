package gate_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestTightest finds one limit of several, whatever their order is.
func TestTightest(t *testing.T) {
	level := func(name, unit string, soft bool, l store.Level) gate.Level {
		return gate.Level{Limit: gate.Limit{Name: name, Unit: cmp.Or(unit, usageplan.Requests), Soft: soft}, Level: l}
	}
	for _, c := range []struct {
		want   string
		levels []gate.Level
	}{
		{"", nil},
		{"", []gate.Level{level("soft", "", true, store.Level{Max: 1, Used: 1})}},
		{"least", []gate.Level{level("most", "", false, store.Level{Max: 9}), level("least", "", false, store.Level{Max: 9, Used: 1})}},
		{"requests", []gate.Level{level("tokens", "tokens", false, store.Level{Max: 1}), level("requests", "", false, store.Level{Max: 9})}},
		{"tokens", []gate.Level{level("tokens", "tokens", false, store.Level{Max: 1, Used: 1}), level("requests", "", false, store.Level{Max: 9})}},
		{"longest", []gate.Level{
			level("longest", "", false, store.Level{Max: 9, Wait: time.Hour}), level("shorter", "", false, store.Level{Max: 1, Used: 1, Wait: time.Minute}),
		}},
		{"latest", []gate.Level{level("latest", "", false, store.Level{Max: 2, Reset: time.Hour}), level("soonest", "", false, store.Level{Max: 2, Reset: time.Minute})}},
	} {
		backwards := slices.Clone(c.levels)
		slices.Reverse(backwards)
		for _, levels := range [][]gate.Level{c.levels, backwards} {
			half := len(levels) / 2
			l, found := gate.Tightest(slices.Values(levels[:half]), slices.Values(levels[half:]))
			require.Equal(t, c.want != "", found)
			require.Equal(t, c.want, l.Name)
		}
	}
}
