package redis

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestLives checks how long keys live after a charge, and after another.
func TestLives(t *testing.T) {
	server := miniredis.RunT(t)
	client := dial(t, server.Addr())
	s := newStore(t, client, decisionScripts)
	now := time.Unix(quota.Start, 0)
	slow := store.Meter{Name: "slow", Max: 10, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	fixed := store.Meter{Name: "fixed", Max: 10}
	const day, hour = 24 * time.Hour, time.Hour
	least := time.Duration(1<<32) * time.Microsecond
	tenDays := time.Duration(1<<40) * time.Microsecond // rounded up

	brief := store.Meter{Name: "brief", Max: 1 << 40, Rate: store.Rate{Tokens: 1 << 30, Per: 1}}
	minute := store.Meter{Name: "minute", Max: 9, Start: quota.Start, End: quota.Start + 60}
	on := func(meters ...store.Meter) []store.Meter { return meters }

	for _, test := range []struct {
		name   string
		first  []store.Meter
		after  time.Duration // from the first charge to the second
		second []store.Meter // the second charge's meters
		off    time.Duration // the error of the second caller's clock
		want   time.Duration // the life after the second charge
	}{
		{"a bucket that fills soon", on(brief), 0, nil, 0, least + hour},
		{"a bucket that fills in ten days", on(slow), 0, nil, 0, tenDays + hour},
		{"a window and its Keep", on(quota), 0, nil, 0, 2*day + hour},
		{"a window, later", on(quota), 10 * hour, on(quota), 0, 38*hour + hour},
		{"a bucket, within the hour", on(slow), hour / 2, on(slow), 0, tenDays + hour/2},
		{"a bucket, after the hour", on(slow), 2 * hour, on(slow), 0, tenDays + hour},
		{"a window and a bucket, after the hour", on(slow, quota), 2 * hour, on(slow, quota), 0, tenDays + hour},
		{"two buckets, after the hour", on(slow, brief), 2 * hour, on(slow, brief), 0, tenDays + hour},
		{"a window does not shorten a bucket's life", on(slow), hour / 2, on(quota), 0, tenDays + hour},
		{"a bucket does not shorten a window's life", on(quota), 0, on(brief), 0, 2*day + hour},
		{"a clock that is ahead does not shorten a window's life", on(quota), 0, on(minute), 365 * day, 2*day + hour},
		{"nothing refills it", on(fixed), 0, nil, 0, 0},
		{"nothing refills it, twice", on(fixed), day, on(fixed, quota), 0, 0},
		{"something refills it now", on(fixed), 0, on(store.Meter{Name: "fixed", Max: 10, Rate: slow.Rate}), 0, tenDays + hour},
		{"something refills it fast", on(fixed, quota), 0, on(store.Meter{Name: "fixed", Max: 1, Rate: brief.Rate}), 0, 2*day + hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			server.FlushAll()
			server.SetTime(now)
			take := func(at time.Time, meters []store.Meter) {
				c := chargeAt(store.Spend, at, "a", 1, meters...)
				require.NoError(t, s.Take(t.Context(), c))
				require.True(t, c.OK)
			}
			take(now, test.first)
			if test.second != nil {
				server.SetTime(now.Add(test.after))
				server.FastForward(test.after)
				take(now.Add(test.after+test.off), test.second)
			}
			require.Equal(t, (test.want + time.Millisecond - 1).Truncate(time.Millisecond), server.TTL("ration:{a}"))
			require.False(t, server.Exists("ration:{a}:past"))
		})
	}
}

// longLived starts a miniredis whose keys can live longer than 24 days. On a machine with
// 32-bit words it skips the test: there miniredis reads an expiry in milliseconds into an
// int. Redis itself has no such bound.
func longLived(t *testing.T) *miniredis.Miniredis {
	t.Helper()
	if strconv.IntSize == 32 {
		t.Skip("miniredis reads an expiry into an int of 32 bits")
	}
	return miniredis.RunT(t)
}

// TestPastLives checks how long ended windows live: Keep and an hour from their End. A
// window whose time is over does not live at all.
func TestPastLives(t *testing.T) {
	server := longLived(t)
	s := newStore(t, dial(t, server.Addr()), decisionScripts)
	now := time.Unix(quota.Start, 0)
	for _, test := range []struct {
		after time.Duration // time since the previous charge
		keep  time.Duration
		want  time.Duration // the life of the hash
	}{
		{0, 0, 0},
		{24 * time.Hour, 0, time.Hour},                   // the window of the first day
		{30 * time.Hour, 48 * time.Hour, 0},              // that and the second day's are gone
		{18 * time.Hour, 48 * time.Hour, 49 * time.Hour}, // the third day's
		{36 * time.Hour, 48 * time.Hour, 37 * time.Hour}, // the fourth day's, half a day ago
	} {
		now = now.Add(test.after)
		server.SetTime(now)
		server.FastForward(test.after)
		start := now.Truncate(24 * time.Hour).Unix()
		m := store.Meter{Name: "day", Max: 9, Start: start, End: start + 86400, Keep: test.keep}
		slow := store.Meter{Name: "slow", Max: 100, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}} // so that the value stays
		require.NoError(t, s.Take(t.Context(), chargeAt(store.Spend, now, "a", 1, slow, m)))
		require.Equal(t, test.want, server.TTL("ration:{a}:past"), "at %v", now)
	}
	require.EqualValues(t, quota.End+1, until(&store.Meter{End: quota.End, Keep: 1}))
}

// TestForgets checks that meters that are no longer charged are dropped from the value of
// a subject that lives on.
func TestForgets(t *testing.T) {
	server := miniredis.RunT(t)
	s := newStore(t, dial(t, server.Addr()), decisionScripts)
	now := time.Unix(quota.Start, 0)
	size := 0
	for i := range 100 {
		server.SetTime(now)
		name := fmt.Sprint("route ", 1000+i)
		meters := []store.Meter{
			{Name: name, Max: 10, Rate: store.Rate{Tokens: 1, Per: 1000}},
			{Name: name, Max: 10, Start: now.Unix(), End: now.Unix() + 60},
			{Name: "always", Max: 1000, Rate: store.Rate{Tokens: 1, Per: 1_000_000}},
		}
		require.NoError(t, s.Take(t.Context(), chargeAt(store.Spend, now, "a", 1, meters...)))
		value, err := server.Get("ration:{a}")
		require.NoError(t, err)
		if i == 10 {
			size = len(value)
		}
		require.True(t, i <= 10 || len(value) <= size, "step %d: %d bytes", i, len(value))
		now = now.Add(20 * time.Minute)
		server.FastForward(20 * time.Minute)
	}
}

// TestPastOutlivesWindow checks that a value lives as long as any window that it has
// ended. A subject without a value has no past, so the window would begin anew.
func TestPastOutlivesWindow(t *testing.T) {
	now := time.Unix(quota.Start, 0)
	const week = 7 * 24 * time.Hour
	today := store.Meter{Name: "day", Max: 9, Start: quota.Start, End: quota.Start + 3600}
	earlier := store.Meter{Name: "day", Max: 9, Start: quota.Start - 3600, End: quota.Start, Keep: week}
	fixed := store.Meter{Name: "fixed", Max: 10}
	brief := store.Meter{Name: "fixed", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1}}

	for _, test := range []struct {
		name    string
		charges [][]store.Meter
	}{
		{"a window is charged after its successor", [][]store.Meter{{today}, {earlier}}},
		{"in one charge, the successor first", [][]store.Meter{{today, earlier}}},
		{"in one charge", [][]store.Meter{{earlier, today}}},
		{"before its successor", [][]store.Meter{{earlier}, {today}}},
		{"a value without an end gets one", [][]store.Meter{{fixed, earlier}, {today}, {brief}}},
		{"a value without an end gets one by a charge of all", [][]store.Meter{{fixed, today}, {brief, earlier}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := longLived(t)
			s := newStore(t, dial(t, server.Addr()), decisionScripts)
			server.SetTime(now)
			for _, meters := range test.charges {
				c := chargeAt(store.Spend, now, "a", 3, meters...)
				require.NoError(t, s.Take(t.Context(), c))
				require.True(t, c.OK)
			}
			later := now.Add(week - time.Second)
			server.SetTime(later)
			server.FastForward(later.Sub(now))
			c := chargeAt(store.Spend, later, "a", 0, earlier)
			require.NoError(t, s.Take(t.Context(), c))
			require.EqualValues(t, 3, c.Parts[0].Levels[0].Used)
			require.NotZero(t, server.TTL("ration:{a}"))
		})
	}
}
