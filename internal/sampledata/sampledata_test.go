package sampledata_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/sampledata"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestFill checks that the data is valid, and that keys were used on most days and today,
// also in the first minutes of a month.
func TestFill(t *testing.T) {
	for name, at := range map[string]time.Duration{"a minute into a year": time.Minute, "noon": 36 * time.Hour, "a leap day": 59*24*time.Hour + 8*time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(at) // a bubble begins at midnight of 1 January 2000
				checkFill(t)
			})
		})
	}
}

func checkFill(t *testing.T) {
	ctx, st := t.Context(), memory.New(memory.Config{})
	require.NoError(t, sampledata.Fill(ctx, st, 200, time.Now()))
	plans, err := usageplan.NewService(st, st, usageplan.Config{})
	require.NoError(t, err)
	report, err := plans.Audit(ctx)
	require.NoError(t, err)
	require.Empty(t, report.Invalid)
	require.Empty(t, report.DeadLinks)
	require.Empty(t, report.BrokenGroups)
	keys, _, err := st.Keys(ctx, apikey.Filter{}, "", 1000)
	require.NoError(t, err)
	require.Len(t, keys, 200)
	require.Equal(t, sampledata.Named()[0].ID(), keys[0].ID)

	g, err := gate.New(st, st, st, gate.Config{})
	require.NoError(t, err)
	reports, err := g.KeyReports(ctx, []string{keys[0].ID, keys[1].ID}, gate.Span{Days: sampledata.Days, Windows: 1})
	require.NoError(t, err)
	for _, r := range reports {
		require.NoError(t, r.Err)
		used := 0
		for _, d := range r.Days {
			if d.Used > 0 {
				used++
			}
		}
		require.Greater(t, used, 20)
		require.NotZero(t, r.Quotas[0].Now().Used)
	}
}
