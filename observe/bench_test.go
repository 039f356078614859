package observe_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// BenchmarkDecided measures what one decision costs each Observer of this package.
func BenchmarkDecided(b *testing.B) {
	for name, o := range map[string]gate.Observer{
		"counts": observe.NewCounts(observe.CountsConfig{}),
		"log":    observe.NewLog(slog.New(slog.DiscardHandler), observe.LogConfig{}),
	} {
		for what, d := range decisions(b) {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					o.Decided(context.Background(), d)
				}
			})
		}
	}
}

// decisions returns one decision of each kind.
func decisions(t testing.TB) map[string]gate.Decided {
	var last gate.Decided
	f := newFixture(t, toldOf(func(d gate.Decided) { last = d }), gate.Config{})
	of := func(p usageplan.Plan, requests int) gate.Decided {
		_, secret := f.key(p)
		for range requests {
			_, err := f.gate.Admit(t.Context(), gate.Request{Secret: secret})
			require.NoError(t, err)
		}
		return last
	}
	limits := []quota.Quota{{Name: "hour", Limit: 1e6, Period: quota.Hour}, {Name: "day", Limit: 1, Period: quota.Day, Soft: true}}
	all := map[string]gate.Decided{
		"admitted": of(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1e6, Period: quota.Day}}}, 1),
		"refused":  of(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Day}}}, 2),
		"soft":     of(usageplan.Plan{Quotas: limits}, 2),
	}
	_, err := f.gate.Admit(t.Context(), gate.Request{KeyID: "nobody"})
	require.NoError(t, err)
	all["unknown"] = last
	return all
}

// TestNoAllocations checks that Counts allocate nothing for labels and keys that they
// know.
func TestNoAllocations(t *testing.T) {
	c := observe.NewCounts(observe.CountsConfig{})
	for what, d := range decisions(t) {
		c.Decided(t.Context(), d)
		require.Zero(t, testing.AllocsPerRun(100, func() { c.Decided(t.Context(), d) }), what)
	}
}
