package middleware

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAppendInt compares appendInt with strconv.AppendInt, with room for the digits and
// without.
func TestAppendInt(t *testing.T) {
	for n := int64(1); n > 0 && n <= 1e18; n *= 10 {
		for _, n := range []int64{n - 1, n, n + 1, 7 * n, -n} {
			want := "r=" + strconv.FormatInt(n, 10)
			require.Equal(t, want, string(appendInt(append(make([]byte, 0, 32), "r="...), n)))
			require.Equal(t, want, string(appendInt([]byte("r=")[:2:2], n)))
		}
	}
	require.Equal(t, "999999999999999", string(appendInt(make([]byte, 0, 15), maxInteger)))
}
