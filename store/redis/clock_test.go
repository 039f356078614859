package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// TestServersClockBack moves the server's clock an hour forward and back. A bucket that
// was charged meanwhile does not refill until the clock has caught up, and its Wait says
// so. That holds for the straight-line code and for the loops, for one decision a call
// and for many, and for Peek.
func TestServersClockBack(t *testing.T) {
	for name, script := range allScripts(t) {
		t.Run(name, func(t *testing.T) {
			client := dial(t, redistest.Start(t))
			clock, start := clock{client: client}, time.Now().Truncate(time.Second)
			s := newStore(t, client, withClock(t, script))
			rate := store.Meter{Name: "throttle", Max: 1, Rate: store.Rate{Tokens: 1, Per: 100_000}}
			other, rare := rate, rate
			other.Name, rare.Name, rare.Rare = "other", "id", true
			shapes := map[string][]store.Meter{
				"bucket": {rate}, "bucket and window": {rate, quota}, "bucket and windows": {rate, quota, record},
				"two buckets": {rate, other}, "rare": {rare},
			}
			charge := func(subject string, meters []store.Meter, n int64) *store.Charge {
				c := chargeAt(store.Spend, start, subject, n, meters...)
				require.NoError(t, s.Take(t.Context(), c))
				return c
			}
			clock.set(t, start.Add(time.Hour))
			for subject, meters := range shapes {
				require.True(t, charge(subject, meters, 1).OK)
			}
			for _, step := range []struct{ at, wait time.Duration }{
				{0, time.Hour + 100*time.Millisecond},
				{time.Minute, time.Hour - time.Minute + 100*time.Millisecond},
				{time.Hour, 100 * time.Millisecond},
				{time.Hour + 90*time.Millisecond, 10 * time.Millisecond},
			} {
				clock.set(t, start.Add(step.at))
				for subject, meters := range shapes {
					c := charge(subject, meters, 1)
					require.False(t, c.OK)
					require.Equal(t, step.wait, c.Parts[0].Levels[0].Wait, "%s after %v", subject, step.at)
					require.Equal(t, step.wait, c.Parts[0].Levels[0].Reset, "%s after %v", subject, step.at)
					require.Equal(t, step.wait, charge(subject, meters, 0).Parts[0].Levels[0].Reset, "%s is read", subject)
					levels := make([]store.Level, len(meters))
					require.NoError(t, s.Peek(t.Context(), start, []string{subject}, meters, levels, nil))
					require.Equal(t, step.wait, levels[0].Reset, "%s is peeked at", subject)
				}
			}
			clock.set(t, start.Add(time.Hour+100*time.Millisecond))
			for subject, meters := range shapes {
				require.True(t, charge(subject, meters, 1).OK, subject)
			}
		})
	}
}
