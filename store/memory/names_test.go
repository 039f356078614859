package memory_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// TestNamesAreCloned charges meters whose names are in a buffer that is used again, as a
// caller may cut the name of an ID from a request. The Store keeps copies.
func TestNamesAreCloned(t *testing.T) {
	ended := day("window", t0.AddDate(0, 0, -1), 10, 90*24*time.Hour)
	rare := store.Meter{Max: 10, Rare: true}
	for name, test := range map[string]struct {
		m     store.Meter
		first []store.Meter // charged before
	}{
		"bucket":        {store.Meter{Max: 10}, nil},
		"window":        {day("", t0, 10, time.Hour), nil},
		"rare bucket":   {rare, nil},
		"second bucket": {store.Meter{Max: 10}, []store.Meter{bucket}},
		"wide":          {day("", t0, 10, time.Hour), manyMeters(t0, 3)},
		"overflow":      {store.Meter{Max: 10}, manyMeters(t0, 8)},
		"ended window":  {ended, []store.Meter{day("window", t0, 10, 90*24*time.Hour)}},
	} {
		s := memory.New(memory.Config{})
		if test.first != nil {
			mustTake(t, s, "a", t0, 1, test.first...)
		}
		m, buffer := test.m, []byte("window")
		m.Name = unsafe.String(&buffer[0], len(buffer))
		mustTake(t, s, "a", t0, 3, m)
		copy(buffer, "------")
		m.Name = "window"
		require.EqualValues(t, 5, mustTake(t, s, "a", t0, 2, m).Parts[0].Levels[0].Used, name)
		require.EqualValues(t, 4, mustTake(t, s, "a", t0, -1, m).Parts[0].Levels[0].Used, name)
	}
}
