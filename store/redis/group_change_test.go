package redis

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	period "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestGroupChangeIsNoSearch changes a group of 20,000 keys in one process, while another
// process has all of them in its cache. It measures how long the other process goes on
// by the old state. That is about as long as after the change of one key.
func TestGroupChangeIsNoSearch(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	const workers, changes = 64, 101
	n := 20_000
	if longtest.ManyRounds() {
		n = 100_000
	}
	addr, ctx := redistest.Start(t), t.Context()
	here, there := newStore(t, dial(t, addr), decisionScripts), newStore(t, dial(t, addr), decisionScripts)
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
	m := newCompany(t, there, gate.Config{}, 1<<40, 1<<40, 1<<40)
	g := must(gate.New(here, here, here, gate.Config{MaxAge: time.Hour, MaxReads: 4 * workers, Timeout: time.Minute, Units: companyUnits}))
	defer g.Close()
	id := func(i int) string { return fmt.Sprint("many-", i) }
	allowed := func(id string) bool {
		d, err := g.Peek(ctx, gate.Request{KeyID: id})
		if err != nil {
			t.Error(err)
		}
		return d.Allowed
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				if err := there.InsertKey(ctx, apikey.Key{ID: id(i), GroupID: "search", Enabled: true, Digest: apikey.DigestOf(id(i))}); err != nil {
					t.Error(err)
				}
				if !allowed(id(i)) {
					t.Error("refused: ", id(i))
				}
			}
		})
	}
	wg.Wait()

	// measure returns the median of the times until a change of a key shows.
	measure := func(change func(id string, i int) error, shows func(id string, i int) bool) time.Duration {
		var took []time.Duration
		for i := range changes {
			id, began := id(rand.IntN(n)), time.Now()
			require.NoError(t, change(id, i))
			for !shows(id, i) {
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	one := measure(func(id string, _ int) error { return errOf(m.keys.Disable(ctx, id)) },
		func(id string, _ int) bool { return !allowed(id) })
	all := measure(func(_ string, i int) error {
		return errOf(m.groups.Update(ctx, "acme", func(g *usageplan.Group) error {
			g.Quotas = []period.Quota{{Limit: int64(i), Period: period.Day}}
			return nil
		}))
	}, func(id string, i int) bool {
		text := limits(ctx, g, id)
		return strings.HasSuffix(text, fmt.Sprintf("acme %d, ", i)) || text == ""
	})
	t.Logf("medians until a change shows in another process: %v of one key, %v of a group with %d keys", one, all, n)
	require.Less(t, all, 10*one)
}
