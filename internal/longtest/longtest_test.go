package longtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
)

// TestOnly runs a long test only where the variable is set, and never with -short.
func TestOnly(t *testing.T) {
	for value, skipped := range map[string]bool{"": true, "1": false} {
		t.Setenv(longtest.Variable, value)
		var inner *testing.T
		t.Run("long", func(t *testing.T) {
			inner = t
			longtest.Only(t)
		})
		require.Equal(t, skipped || testing.Short(), inner.Skipped(), "%q", value)
	}
}
