package cursor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/cursor"
)

// TestParse reads what Format writes, and nothing else.
func TestParse(t *testing.T) {
	for _, number := range []uint64{2, 35, 36, 1 << 40, math.MaxUint64} {
		got, err := cursor.Parse(cursor.Format(number))
		require.NoError(t, err)
		require.Equal(t, number, got)
	}
	first, err := cursor.Parse("")
	require.NoError(t, err)
	require.Zero(t, first)
	for _, bad := range []string{"0", "1", "02", "A", "+2", "-2", " 2", "2 ", "é", "3w5e11264sgsg", "page 2"} {
		_, err := cursor.Parse(bad)
		require.EqualError(t, err, cursor.Fault(bad).Error(), bad)
	}
}
