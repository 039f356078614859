package redis

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/usageplan"
)

// slow returns keys as they were a while ago, as if the answer had been on its way for so
// long.
type slow struct {
	*Store
	by time.Duration
}

func (s slow) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.Store.KeyByDigest(ctx, d)
	<-time.After(s.by)
	return k, err
}

// TestRevocation disables a key in one process, again and again. It measures how long
// another process still admits requests that begin afterwards. With Run that time is
// short. Without Run, and with slow reads, it is within MaxAge.
func TestRevocation(t *testing.T) {
	t.Parallel()
	changes := 1000
	if testing.Short() {
		changes = 50
	}
	for _, test := range []struct {
		name    string
		changes int
		maxAge  time.Duration
		slow    time.Duration
		push    bool
	}{
		{"push", changes, 5 * time.Second, 0, true},
		{"slow reads", 4, 500 * time.Millisecond, 200 * time.Millisecond, false},
		{"slow reads, the default age", 1, 0, 200 * time.Millisecond, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && test.maxAge == 0 {
				t.Skip("takes five seconds")
			}
			addr := redistest.Start(t)
			here, there := newStore(t, dial(t, addr), decisionScripts), newStore(t, dial(t, addr), decisionScripts)
			if test.push {
				// Once at OnChange, and once when the server has confirmed the subscription.
				subscribed := make(chan struct{}, 2)
				here.OnChange(func(id string) {
					if id == "" {
						subscribed <- struct{}{}
					}
				})
				start(t, here)
				<-subscribed
				<-subscribed
			}
			bound := max(test.maxAge, 0)
			if bound == 0 {
				bound = 5 * time.Second
			}
			directory := apikey.Store(here) // answers a look-up in one call
			if test.slow > 0 {
				directory = slow{here, test.slow}
			}
			g, err := gate.New(directory, here, here, gate.Config{
				MaxAge:  test.maxAge,
				Timeout: 10 * time.Second,
			})
			require.NoError(t, err)
			defer g.Close()
			keys := must(apikey.NewService(there, apikey.Config{}))
			plans := must(usageplan.NewService(there, there, usageplan.Config{}))
			key, secret, err := keys.Create(t.Context(), apikey.Key{Enabled: true})
			require.NoError(t, err)
			plan, err := plans.Create(t.Context(), usageplan.Plan{Name: "plan"})
			require.NoError(t, err)
			require.NoError(t, plans.Link(t.Context(), plan.ID, key.ID))
			admitted := func() bool {
				d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
				require.NoError(t, err)
				return d.Allowed
			}
			var took []time.Duration
			for range test.changes {
				require.Eventually(t, admitted, 20*time.Second, 50*time.Microsecond)
				_, err = keys.Disable(t.Context(), key.ID)
				changed := time.Now()
				require.NoError(t, err)
				last := changed
				for began := changed; admitted(); began = time.Now() {
					last = began
				}
				took = append(took, last.Sub(changed))
				_, err = keys.Enable(t.Context(), key.ID)
				require.NoError(t, err)
			}
			slices.Sort(took)
			t.Logf("%d changes: median %v, worst %v, bound %v", len(took), took[len(took)/2], took[len(took)-1], bound)
			require.Less(t, took[len(took)-1], bound)
		})
	}
}
