package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestNewMeterList checks which meters a list can have, and their cells in a Standing.
func TestNewMeterList(t *testing.T) {
	bucket := store.Meter{Name: "rate", Max: 5, Rate: store.Rate{Tokens: 1, Per: 1000}}
	other := bucket
	other.Name = "other"
	soft, rare, broken := bucket, bucket, bucket
	soft.Soft, rare.Rare, broken.Max = true, true, -1
	window := func(name string) store.Meter { return store.Meter{Name: name, Max: 9, Start: 0, End: 60} }
	for name, test := range map[string]struct {
		meters []store.Meter
		cells  []int // nil if there is no list
	}{
		"a bucket":                   {[]store.Meter{bucket}, []int{0}},
		"a bucket and three windows": {[]store.Meter{window("a"), bucket, window("b"), window("c")}, []int{0, 1, 4, 5}},
		"two buckets":                {[]store.Meter{bucket, other}, []int{0, 3}},
		"too many cells":             {[]store.Meter{bucket, other, window("a")}, nil},
		"soft":                       {[]store.Meter{window("a"), soft}, nil},
		"rare":                       {[]store.Meter{rare}, nil},
		"invalid":                    {[]store.Meter{broken}, nil},
		"one name twice":             {[]store.Meter{bucket, bucket}, nil},
		"none":                       {nil, []int{}},
	} {
		t.Run(name, func(t *testing.T) {
			l := store.NewMeterList(test.meters)
			if test.cells == nil {
				require.Nil(t, l)
				return
			}
			cells := []int{}
			for i := range l.Meters() {
				cells = append(cells, l.Cell(i))
			}
			require.Equal(t, test.cells, cells)
			if len(test.meters) > 0 {
				test.meters[0].Max = 7
				require.NotEqual(t, test.meters[0], l.Meters()[0], "the list has a copy")
			}
		})
	}
}

// TestMeterListTake checks the states after a charge, and that one meter that does not
// fit refuses.
func TestMeterListTake(t *testing.T) {
	l := store.NewMeterList([]store.Meter{
		{Name: "rate", Max: 5, Rate: store.Rate{Tokens: 1, Per: 1_000_000}},
		{Name: "day", Max: 9, Start: 0, End: 86400},
	})
	full := store.Standing{At: 30e6, Now: 30e6, Cells: [6]int64{5, 0, 7e6}}
	for name, test := range map[string]struct {
		n    []int64
		ok   bool
		used []int64
	}{
		"both":           {[]int64{2, 3}, true, []int64{2, 3}},
		"only reads":     {[]int64{0, 0}, true, []int64{0, 0}},
		"no tokens":      {[]int64{6, 1}, false, nil},
		"no units":       {[]int64{1, 10}, false, nil},
		"gives one back": {[]int64{1, -1}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := full
			require.Equal(t, test.ok, l.Take(&s, test.n))
			for i, used := range test.used {
				require.Equal(t, used, s.Level(l, i, 0).Used)
			}
		})
	}
	require.Equal(t, store.Level{Max: 5, Wait: store.Never}, full.Level(l, 0, 6), "more than the burst")
}
