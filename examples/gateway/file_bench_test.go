package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// BenchmarkFile measures a file store by its size, for the help of -store: the bytes of
// the file, a save, and a start, which loads the file and saves it. Each key has a
// throttle and a quota by the day, and so two windows for each day of use.
func BenchmarkFile(b *testing.B) {
	for _, c := range []struct{ keys, days int }{{1000, 1}, {1000, 90}, {40_000, 1}, {40_000, 90}} {
		if testing.Short() && c.keys*c.days > 100_000 {
			continue
		}
		b.Run(fmt.Sprintf("keys=%d/days=%d", c.keys, c.days), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "ration.json")
			st, err := open("file:"+path, slog.New(slog.DiscardHandler))
			require.NoError(b, err)
			use(b, st, c.keys, c.days)
			var save, start time.Duration
			n := 0
			for b.Loop() {
				began := time.Now()
				require.NoError(b, st.file.save())
				save += time.Since(began)
				require.NoError(b, st.close())
				began = time.Now()
				st, err = open("file:"+path, slog.New(slog.DiscardHandler))
				require.NoError(b, err)
				start += time.Since(began)
				n++
			}
			require.NoError(b, st.close())
			info, err := os.Stat(path)
			require.NoError(b, err)
			b.ReportMetric(float64(info.Size())/1e6, "MB")
			b.ReportMetric(save.Seconds()/float64(n), "save-s")
			b.ReportMetric(start.Seconds()/float64(n), "start-s")
		})
	}
}

// use creates keys in one plan, and sends one request a day with each.
func use(b *testing.B, st *opened, keys, days int) {
	ctx := context.Background()
	plans := must(usageplan.NewService(st.backend, st.backend, usageplan.Config{}))
	plan, err := plans.Create(ctx, usageplan.Plan{Throttle: &limiter.Limit{Rate: 50, Burst: 100}, Quotas: []quota.Quota{{Limit: 1000, Period: quota.Day}}})
	require.NoError(b, err)
	g, err := gate.New(st.backend, st.backend, st.backend, gate.Config{})
	require.NoError(b, err)
	defer g.Close()
	today := time.Now()
	for i := range keys {
		id := strconv.Itoa(i)
		require.NoError(b, st.InsertKey(ctx, apikey.Key{ID: id, Enabled: true, Digest: apikey.DigestOf(id), Version: 1}))
		require.NoError(b, plans.Link(ctx, plan.ID, id))
		for d := range days {
			d, err := g.Admit(ctx, gate.Request{KeyID: id, At: today.AddDate(0, 0, d-days+1)})
			require.NoError(b, err)
			require.True(b, d.Allowed)
		}
	}
}
