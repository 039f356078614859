package redis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// TestHistories compares the script with package store over random histories of the
// common shapes, at random rates, while plans change and time goes forward and back.
func TestHistories(t *testing.T) {
	t.Parallel()
	all := allScripts(t)
	for _, test := range []struct {
		name      string
		histories uint64
		scripts   []scripts // used in turn
	}{
		{"struct=yes", 20, []scripts{all["struct=yes"]}},
		{"struct=no", 5, []scripts{all["struct=no"]}},
		{"struct=both", 5, []scripts{all["struct=yes"], all["struct=no"]}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := dial(t, redistest.Start(t))
			var stores []*Store
			for _, script := range test.scripts {
				stores = append(stores, newStore(t, client, withClock(t, script)))
			}
			took := 0
			if longtest.ManyRounds() {
				test.histories *= 10
			}
			for seed := range test.histories {
				took += playHistory(t, stores, seed)
			}
			require.Greater(t, took, 100*int(test.histories), "too few of them were admitted to show much")
		})
	}
}

var rates = []float64{1.0 / 86400, 0.1, 1.0 / 3, 7, 33.333, 12345.678901, 300000, 1e6, 3456789}

// playHistory runs 400 charges of one subject, and returns how many were admitted.
func playHistory(t *testing.T, stores []*Store, seed uint64) (took int) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	most := func(per int64) int64 {
		return 1 + rnd.Int64N(min(store.MaxUnits/per-1, 1<<[]int{4, 10, 31, 50}[rnd.IntN(4)]))
	}
	rate := func() store.Meter {
		r, err := store.RateOf(rates[rnd.IntN(len(rates))])
		require.NoError(t, err)
		return store.Meter{Name: "rate", Max: most(r.Per), Rate: r}
	}
	plans := [2][]store.Meter{}
	for i := range plans {
		plans[i] = []store.Meter{rate(), {Name: "day", Max: most(1)}, {Name: "use", Max: store.Unlimited}}
		if rnd.IntN(8) == 0 {
			plans[i][1].Max = store.MaxUnits - 1 - rnd.Int64N(9)
		}
	}
	from := rnd.IntN(2)
	to := from + 1 + rnd.IntN(3-from)
	clock := clock{client: stores[0].link.Load().client}
	now := time.UnixMicro(1_790_000_000_000_000)
	ref := newModel()
	for step := range 400 {
		plan := plans[0]
		if rnd.IntN(20) == 0 {
			plan = plans[1]
		}
		full := min(plan[0].Max*plan[0].Rate.Per/plan[0].Rate.Tokens, 1<<37) // up to 1.6 days at once
		switch rnd.IntN(4) {
		case 0:
			now = now.Add(time.Duration(rnd.Int64N(max(full, 1))/(1+rnd.Int64N(50))) * time.Microsecond)
		case 1:
			now = now.Add(time.Duration(rnd.IntN(10)) * time.Microsecond)
		case 2:
			now = now.Add(-time.Duration(rnd.IntN(5)) * time.Microsecond)
		}
		clock.set(t, now)
		part := store.Part{Subject: fmt.Sprint("history ", seed)}
		for _, m := range plan[from:to] {
			if !m.IsWindow() && m.Name != "rate" {
				m.Start = now.Unix() / 86400 * 86400
				m.End, m.Keep = m.Start+86400, 24*time.Hour
			}
			n := 1 + rnd.Int64N(m.Max+1)/(1+rnd.Int64N(1<<rnd.IntN(40)))
			if m.Max == store.Unlimited {
				n = 1 + rnd.Int64N(1000)
			}
			switch rnd.IntN(60) {
			case 0:
				n = math.MaxInt64 - rnd.Int64N(2)<<10
			case 1:
				n = math.MinInt64
			case 2, 3, 4, 5, 6, 7, 8, 9:
				n = -n
			}
			part.N = append(part.N, n)
			part.Meters = append(part.Meters, m)
		}
		part.Levels = make([]store.Level, len(part.Meters))
		got := &store.Charge{At: now, Parts: []store.Part{part}}
		if rnd.IntN(40) == 0 {
			got.Op = store.SetRemaining
		}
		want := clone(got)
		require.NoError(t, ref.take(want, now.UnixMicro()))
		require.NoError(t, stores[step%len(stores)].Take(t.Context(), got))
		require.Equal(t, want, got, "seed %d, step %d", seed, step)
		if got.OK {
			took++
		}
	}
	return took
}
