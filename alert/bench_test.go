package alert_test

import (
	"context"
	"testing"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"

	"github.com/stretchr/testify/require"
)

// idle is an Observer that does nothing.
type idle struct{}

func (idle) Decided(context.Context, gate.Decided)     {}
func (idle) Corrected(context.Context, gate.Corrected) {}

// observed returns a Gate over a store in memory, and a request whose key has used none
// of its quota, or all of it.
func observed(tb testing.TB, o gate.Observer, full bool) (*gate.Gate, gate.Request) {
	st := memory.New(memory.Config{})
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	p := plan("p", "1000000000000000/year soft")
	if !full {
		p = plan("p", "1000000000000000/year")
	}
	p.Throttle = &limiter.Limit{Rate: 1e9, Burst: 1e9}
	_, err := plans.Create(tb.Context(), p)
	require.NoError(tb, err)
	_, secret, err := must(apikey.NewService(st, apikey.Config{})).Create(tb.Context(), apikey.Key{ID: "a", Enabled: true})
	require.NoError(tb, err)
	require.NoError(tb, plans.Link(tb.Context(), "p", "a"))
	g := must(gate.New(st, st, st, gate.Config{Observer: o}))
	req := gate.Request{Secret: secret}
	for range 3 {
		d, err := g.Admit(tb.Context(), req)
		require.NoError(tb, err)
		require.True(tb, d.Allowed)
	}
	if full {
		require.NoError(tb, g.SetRemaining(tb.Context(), "p", "a", "year", 0))
	}
	return g, req
}

func newAlerts() *alert.Observer {
	return must(alert.New(func(context.Context, alert.Event) {}, alert.Config{}))
}

// TestAllocatesNothing checks that alerts allocate nothing, below the thresholds and once
// they have fired.
func TestAllocatesNothing(t *testing.T) {
	for _, full := range []bool{false, true} {
		idles, reqIdle := observed(t, idle{}, full)
		g, req := observed(t, newAlerts(), full)
		count := func(g *gate.Gate, req gate.Request) float64 {
			return testing.AllocsPerRun(200, func() { _, _ = g.Admit(context.Background(), req) })
		}
		require.Equal(t, count(idles, reqIdle), count(g, req), "full: %v", full)
	}
}

// BenchmarkObserver measures what alerts add to a decision in memory: for a key below its
// lowest threshold, and for one whose thresholds have all fired.
func BenchmarkObserver(b *testing.B) {
	for _, c := range []struct {
		name     string
		observer gate.Observer
		full     bool
	}{{"none", nil, false}, {"idle", idle{}, false}, {"below", newAlerts(), false}, {"full-idle", idle{}, true}, {"full", newAlerts(), true}} {
		b.Run(c.name, func(b *testing.B) {
			g, req := observed(b, c.observer, c.full)
			b.ReportAllocs()
			for b.Loop() {
				if d, err := g.Admit(context.Background(), req); err != nil || !d.Allowed {
					b.Fatal(err, d.Reason)
				}
			}
		})
	}
}

// last is an Observer that keeps the last decision.
type last struct{ told gate.Decided }

func (l *last) Decided(_ context.Context, d gate.Decided) { l.told = d }
func (*last) Corrected(context.Context, gate.Corrected)   {}

// BenchmarkDecided measures the Observer alone. What an idle one takes is the copy of a
// gate.Decided.
func BenchmarkDecided(b *testing.B) {
	for _, c := range []struct {
		name     string
		observer gate.Observer
		full     bool
	}{{"idle", idle{}, false}, {"below", newAlerts(), false}, {"full", newAlerts(), true}} {
		b.Run(c.name, func(b *testing.B) {
			l := new(last)
			g, req := observed(b, l, c.full)
			_, err := g.Admit(b.Context(), req)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				c.observer.Decided(context.Background(), l.told)
			}
		})
	}
}
