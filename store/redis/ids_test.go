package redis

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// idsOn is a store with a clock that the test moves. It reports what a subject's ids
// occupy.
type idsOn struct {
	*Store
	clock
}

// charge charges subject once for an id that is kept for keep.
func (s *idsOn) charge(t *testing.T, subject, id string, keep time.Duration) *store.Charge {
	t.Helper()
	m := store.Meter{Name: "id/" + id, Max: 1, Rate: store.Rate{Tokens: 1, Per: keep.Microseconds()}, Rare: true}
	c := chargeAt(store.Spend, s.now, subject, 1, quota, m)
	require.NoError(t, s.Take(t.Context(), c))
	return c
}

// pass moves the script's clock.
func (s *idsOn) pass(t *testing.T, d time.Duration) { s.set(t, s.now.Add(d)) }

// ids returns how many ids a subject has, how many bytes they take, and how long the
// server keeps them if no more requests come.
func (s *idsOn) ids(t *testing.T, subject string) (n, bytes int64, ttl time.Duration) {
	t.Helper()
	c := s.client
	for _, suffix := range []string{":past", ":ids"} {
		key := "ration:{" + subject + "}" + suffix
		fields, err := c.Do(t.Context(), c.B().Hlen().Key(key).Build()).AsInt64()
		require.NoError(t, err)
		if fields == 0 {
			continue
		}
		size, err := c.Do(t.Context(), c.B().MemoryUsage().Key(key).Samples(0).Build()).AsInt64()
		require.NoError(t, err)
		ms, err := c.Do(t.Context(), c.B().Pttl().Key(key).Build()).AsInt64()
		require.NoError(t, err)
		n, bytes, ttl = n+fields, bytes+size, max(ttl, time.Duration(ms)*time.Millisecond)
	}
	return n, bytes, ttl
}

// TestIDsAreDropped checks that only ids that are still kept occupy memory, with a
// KeepIDs of a second and of an hour. The ids come at a steady rate, or rarely after
// many, or not at all any more. The subject has an ended window, which is kept much
// longer.
func TestIDsAreDropped(t *testing.T) {
	for _, keep := range []time.Duration{time.Second, time.Hour} {
		t.Run(keep.String(), func(t *testing.T) {
			client := dial(t, redistest.Start(t))
			s := &idsOn{newStore(t, client, withClock(t, decisionScripts)), clock{client: client}}
			s.set(t, time.Now())
			makePast(t, s.Store, "a")
			const live = 100
			for i := range 30 * live { // at a steady rate
				require.True(t, s.charge(t, "a", fmt.Sprint(i), keep).OK)
				require.False(t, s.charge(t, "a", fmt.Sprint(i), keep).OK, "again")
				s.pass(t, keep/live)
			}
			n, bytes, _ := s.ids(t, "a")
			t.Logf("%d ids, %d bytes", n, bytes)
			require.LessOrEqual(t, n, int64(2*live))
			require.LessOrEqual(t, bytes, int64(2*live*200))

			for i := range 20 * live { // many at once
				require.True(t, s.charge(t, "a", fmt.Sprint("burst-", i), keep).OK)
			}
			n, _, _ = s.ids(t, "a")
			require.GreaterOrEqual(t, n, int64(20*live), "all are still kept")
			require.False(t, s.charge(t, "a", "burst-0", keep).OK)
			for i := range 20 { // and a few later
				s.pass(t, keep+time.Microsecond)
				require.True(t, s.charge(t, "a", fmt.Sprint("seldom-", i), keep).OK)
			}
			n, _, _ = s.ids(t, "a")
			t.Logf("%d ids after the burst", n)
			require.LessOrEqual(t, n, int64(live))
		})
	}
}

// TestIDsExpire checks that the ids of an idle subject are gone after twice the time for
// which they are kept, whatever else is kept of the subject.
func TestIDsExpire(t *testing.T) {
	client := dial(t, redistest.Start(t))
	for keep, within := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 200 * time.Millisecond, time.Minute: 2 * time.Minute, 24 * time.Hour: 48 * time.Hour,
	} {
		s := &idsOn{newStore(t, client, decisionScripts), clock{client: client, now: time.Now()}}
		subject := keep.String()
		require.True(t, s.charge(t, subject, "x", keep).OK)
		_, _, ttl := s.ids(t, subject)
		require.LessOrEqual(t, ttl, within)
		require.Greater(t, ttl, keep/2)
	}
	s := &idsOn{newStore(t, client, decisionScripts), clock{client: client, now: time.Now()}}
	makePast(t, s.Store, "100ms")
	require.Eventually(t, func() bool {
		ids, err := client.Do(t.Context(), client.B().Exists().Key("ration:{100ms}:ids").Build()).AsInt64()
		return err == nil && ids == 0
	}, 10*time.Second, 10*time.Millisecond)
	n, _, _ := s.ids(t, "100ms")
	require.EqualValues(t, 1, n, "the ended window is kept")
	require.True(t, s.charge(t, "100ms", "x", 100*time.Millisecond).OK, "once more")
}
