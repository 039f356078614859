package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestStateOf checks until when a state means something.
func TestStateOf(t *testing.T) {
	perSecond := store.Rate{Tokens: 1, Per: 1_000_000}
	for name, c := range map[string]struct {
		meter store.Meter
		state store.State
		until int64
	}{
		"a full bucket":           {store.Meter{Max: 5, Rate: perSecond}, store.State{Bucket: store.Bucket{Tokens: 5, Per: 1_000_000, Last: 10_000_000}}, 10},
		"a bucket":                {store.Meter{Max: 5, Rate: perSecond}, store.State{Bucket: store.Bucket{Tokens: 2, Per: 1_000_000, Last: 10_000_000}}, 13},
		"a fraction":              {store.Meter{Max: 5, Rate: perSecond}, store.State{Bucket: store.Bucket{Tokens: 2, Part: 1, Per: 1_000_000, Last: 10_000_000}}, 13},
		"before 1970":             {store.Meter{Max: 5, Rate: perSecond}, store.State{Bucket: store.Bucket{Tokens: 4, Per: 1_000_000, Last: -1_500_000}}, 0},
		"a bucket without a rate": {store.Meter{Max: 5}, store.State{Bucket: store.Bucket{Tokens: 4, Per: 1}}, store.MaxUnits},
		"a window":                {store.Meter{Start: 1, End: 5}, store.State{Window: store.Window{Used: 1}}, 5},
		"a window that is kept":   {store.Meter{Start: 1, End: 5, Keep: 1500 * time.Millisecond}, store.State{}, 7},
		"a window kept for good":  {store.Meter{Start: 1, End: store.MaxUnits - 1, Keep: math.MaxInt64}, store.State{}, store.MaxUnits},
	} {
		c.meter.Name = "x"
		s := store.StateOf(&c.meter, c.state)
		require.Equal(t, c.until, s.Until, name)
		require.Equal(t, c.state, s.State, name)
		require.NoError(t, (&store.Record{Subject: "a", States: []store.MeterState{s}}).Check(), name)
		if c.until < store.MaxUnits {
			require.True(t, s.IsOver(c.until*1_000_000), name)
			require.False(t, s.IsOver(c.until*1_000_000-1), name)
		}
	}
}

// TestSupersedes checks which of two states is kept. Each supersedes all that follow.
func TestSupersedes(t *testing.T) {
	window := func(used, extra, last int64) store.MeterState {
		return store.MeterState{Name: "w", IsWindow: true, State: store.State{Window: store.Window{Used: used, Extra: extra, Last: last}}}
	}
	bucket := func(tokens, part, per, last int64) store.MeterState {
		return store.MeterState{Name: "b", State: store.State{Bucket: store.Bucket{Tokens: tokens, Part: part, Per: per, Last: last}}}
	}
	for name, list := range map[string][]store.MeterState{
		"windows": {window(9, 5, 1), window(3, -2, 1), window(3, 0, 7), window(3, 0, 2), window(0, 1, 0), window(0, 2, 0)},
		"buckets": {bucket(9, 0, 1, 20), bucket(1, 0, 3, 10), bucket(1, 1, 3, 10), bucket(1, 1, 2, 10), bucket(2, 0, 3, 10), bucket(0, 0, 1, -5)},
	} {
		for i := range list {
			for j := range list {
				require.Equal(t, i < j, list[i].Supersedes(&list[j]), "%s %d, %d", name, i, j)
			}
		}
	}
}
