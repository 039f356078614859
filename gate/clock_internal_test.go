package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClock compares the clock with time.Now and time.Since, within the life of an anchor
// and after it. require.Equal compares both readings of a time.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := newClock(), time.Now()
		for _, pause := range []time.Duration{0, 1, time.Millisecond, anchorLife - 1, anchorLife, anchorLife + 1, time.Hour} {
			time.Sleep(pause)
			now := c.read()
			require.Equal(t, time.Now(), now.time())
			require.Equal(t, time.Since(start), now.gateAge())
		}
	})
}
