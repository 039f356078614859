package redis

import (
	"encoding/hex"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestDumpInComment makes the value that the comment in layout.go shows, and compares the
// bytes.
func TestDumpInComment(t *testing.T) {
	source, err := os.ReadFile("layout.go")
	require.NoError(t, err)
	var documented strings.Builder
	line := regexp.MustCompile(`(?m)^//\t([0-9a-f]{2})  ((?:[0-9a-f]{2} ?)+)  `)
	for _, m := range line.FindAllStringSubmatch(string(source), -1) {
		offset, err := strconv.ParseInt(m[1], 16, 0)
		require.NoError(t, err)
		require.EqualValues(t, documented.Len()/2, offset, m[0])
		documented.WriteString(strings.ReplaceAll(m[2], " ", ""))
	}

	server := miniredis.RunT(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	server.SetTime(at)
	midnight := at.Truncate(24 * time.Hour).Unix()
	meters := []store.Meter{
		{Name: "rate", Max: 100, Rate: store.Rate{Tokens: 10, Per: 1_000_000}},
		{Name: "day", Max: 1000, Start: midnight, End: midnight + 86400, Keep: 48 * time.Hour},
	}
	s := newStore(t, single(t, server.Addr()), decisionScripts)
	c := chargeAt(store.Spend, at, "gold:k1", 1, meters...)
	require.NoError(t, s.Take(t.Context(), c))
	value, err := server.Get("ration:{gold:k1}")
	require.NoError(t, err)
	require.Equal(t, documented.String(), hex.EncodeToString([]byte(value)))
}

// TestLifeOfOldWindow has a charge so long after a window that the time between them is
// more than 64 bits of microseconds.
func TestLifeOfOldWindow(t *testing.T) {
	m := store.Meter{Name: "old", Start: -store.MaxUnits, End: 1}
	for _, at := range []int64{1, 2, 9_300_000_000_000, 9_500_000_000_000, store.MaxUnits} {
		require.Zero(t, lifeAt(&m, at), at)
	}
}
