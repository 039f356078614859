package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClock is time.Now, with both its readings, whenever it is asked, and how much time
// has passed.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := newClock(), time.Now()
		for _, pause := range []time.Duration{0, 1, time.Millisecond, anchored - 1, anchored, anchored + 1, time.Hour} {
			time.Sleep(pause)
			wall, age := c.now()
			require.Equal(t, time.Now(), wall)
			require.Equal(t, time.Since(start), age)
		}
	})
}
