package gate_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// idle is an Observer that does nothing.
type idle struct{}

func (idle) Decided(context.Context, gate.Decided)     {}
func (idle) Corrected(context.Context, gate.Corrected) {}

// counting is an Observer that counts decisions by their Reason.
type counting struct {
	decided [gate.NoGroup + 1]atomic.Int64
}

func (c *counting) Decided(_ context.Context, d gate.Decided) { c.decided[d.Outcome.Reason].Add(1) }
func (c *counting) Corrected(context.Context, gate.Corrected) {}

// BenchmarkObserver measures what an Observer adds to a decision in memory.
func BenchmarkObserver(b *testing.B) {
	for _, test := range []struct {
		name     string
		observer gate.Observer
	}{
		{"none", nil},
		{"idle", idle{}},
		{"counting", new(counting)},
		{"two", gate.Observers{idle{}, new(counting)}},
	} {
		b.Run(test.name, func(b *testing.B) {
			g, secret := benchGate(b, test.observer)
			b.ReportAllocs()
			for b.Loop() {
				if d, err := g.Admit(context.Background(), gate.Request{Secret: secret}); err != nil || !d.Allowed {
					b.Fatal(err, d.Reason)
				}
			}
		})
	}
}

// benchGate returns a Gate in memory, and the secret of a key with a throttle and a quota
// that admit all requests.
func benchGate(b *testing.B, o gate.Observer) (*gate.Gate, apikey.Secret) {
	st := memory.New(memory.Config{})
	key, secret, err := must(apikey.NewService(st, apikey.Config{})).Create(b.Context(), apikey.Key{Enabled: true})
	require.NoError(b, err)
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	plan, err := plans.Create(b.Context(), usageplan.Plan{
		Throttle: &limiter.Limit{Rate: 1e9, Burst: 1e9},
		Quotas:   []quota.Quota{{Limit: 1e15, Period: quota.Day}},
	})
	require.NoError(b, err)
	require.NoError(b, plans.Link(b.Context(), plan.ID, key.ID))
	g, err := gate.New(st, st, st, gate.Config{Observer: o})
	require.NoError(b, err)
	return g, secret
}
