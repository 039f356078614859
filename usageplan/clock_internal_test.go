package usageplan

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClock is time.Now, with both its readings, whenever it is asked.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		for _, pause := range []time.Duration{0, 1, time.Millisecond, anchored - 1, anchored, anchored + 1, time.Hour} {
			time.Sleep(pause)
			require.Equal(t, time.Now(), c.now())
		}
	})
}
