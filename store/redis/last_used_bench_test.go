package redis

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/usageplan"
)

// BenchmarkLastUsed asks when 3,000 keys were last used, each of which has a plan. Half
// of them are in groups, and one in 30 has two good secrets. Of unused keys the counts of
// all days are read.
func BenchmarkLastUsed(b *testing.B) {
	const number = 3000
	s := must(New(dial(b, redistest.Start(b)), Config{}))
	keys, plans := must(apikey.NewService(s, apikey.Config{})), must(usageplan.NewService(s, s, usageplan.Config{}))
	groups := must(usageplan.NewGroups(s, s, s, usageplan.Config{}))
	g := must(gate.New(s, s, s, gate.Config{Timeout: time.Minute}))
	b.Cleanup(func() { _ = g.Close() })
	require.NoError(b, errOf(plans.Create(b.Context(), usageplan.Plan{ID: "pro"})))
	for i := range 30 {
		require.NoError(b, errOf(groups.Create(b.Context(), usageplan.Group{ID: fmt.Sprint("g", i)})))
	}
	ids := make([]string, number)
	create := func(ctx context.Context, i int) error {
		k := apikey.Key{ID: ids[i], Enabled: true}
		if i%2 == 0 {
			k.GroupID = fmt.Sprint("g", i/2%30)
		}
		if _, _, err := keys.Create(ctx, k); err != nil {
			return err
		}
		if i%30 == 0 {
			if _, _, err := keys.Rotate(ctx, k.ID, time.Hour); err != nil {
				return err
			}
		}
		return plans.Link(ctx, "pro", k.ID)
	}
	var all sync.WaitGroup
	for part := range 30 {
		all.Go(func() {
			for i := part; i < number; i += 30 {
				ids[i] = fmt.Sprint("k", i)
				if err := create(b.Context(), i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	ask := func(b *testing.B) {
		for b.Loop() {
			uses, err := g.LastUsed(b.Context(), ids...)
			require.NoError(b, err)
			require.Len(b, uses, number)
		}
	}
	b.Run("unused", ask)
	for _, id := range ids {
		require.NoError(b, errOf(g.Admit(b.Context(), gate.Request{KeyID: id})))
	}
	b.Run("used today", ask)
}
