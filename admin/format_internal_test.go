package admin

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
)

// TestFormats checks how numbers, times and rates are written.
func TestFormats(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{number(int64(0)), "0"}, {number(999), "999"}, {number(1000), "1,000"}, {number(int64(1<<53 - 2)), "9,007,199,254,740,990"}, {number(-1234), "-1,234"},
		{when(time.Time{}), "–"}, {when(now), "2026-03-01 12:00 UTC"},
		{ago(time.Time{}, now), "never"}, {ago(now.Add(-time.Minute), now), "just now"}, {ago(now.Add(-2*time.Minute), now), "2 minutes ago"},
		{ago(now.Add(-3*time.Hour), now), "3 hours ago"}, {ago(now.AddDate(0, 0, -2), now), "2 days ago"}, {ago(now.Add(time.Minute), now), "just now"},
		{in(time.Second), "1 second"}, {in(time.Hour), "60 minutes"}, {in(26 * time.Hour), "26 hours"}, {in(72 * time.Hour), "3 days"},
		{many(1, "key"), "1 key"}, {many(1000, "key"), "1,000 keys"}, {many(2, "requests"), "2 requests"},
		{share(0, 0), "–"}, {share(1, 1000), "<1%"}, {share(0, 10), "0%"}, {share(999, 1000), "99%"}, {share(10, 10), "100%"},
		{rateText(store.Rate{Tokens: 7, Per: 1_000_000}), "7 a second"}, {rateText(store.Rate{Tokens: 1, Per: 10_000_000}), "6 a minute"},
		{rateText(store.Rate{Tokens: 1, Per: 86_400_000_000}), "1 a day"}, {rateText(store.Rate{}), "never refills"}, {rateText(store.Rate{Tokens: 1, Per: 864_000_000_000}), "0.1 a day"},
	} {
		require.Equal(t, c.want, c.got)
	}
	require.Equal(t, []int{0, 99, 100, 100, 100}, []int{percent(0, 10), percent(999, 1000), percent(10, 10), percent(12, 10), percent(0, 0)})
}

// TestChart checks the bars of a chart. A day with any use can be seen.
func TestChart(t *testing.T) {
	require.Nil(t, newChart(nil, "", false))
	start := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)
	var list []quota.DayUsage
	for i, used := range []int64{0, 1, 1000} {
		list = append(list, quota.DayUsage{Start: start.AddDate(0, 0, i), Used: used})
	}
	c := newChart(list, "tokens", false)
	require.Equal(t, "1,001 tokens in 3 days, at most 1,000 on a day, and 1,000 today", c.Label)
	require.Equal(t, []chartDay{
		{Day: "Feb 27", Used: 0, X: "0", Y: "40.0", Height: "0.0"},
		{Day: "Feb 28", Used: 1, X: "10", Y: "38.5", Height: "1.5"},
		{Day: "Mar 1", Used: 1000, X: "20", Y: "0.0", Height: "40.0", Today: true},
	}, c.Days)
}
