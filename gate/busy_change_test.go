package gate_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// farAway is a directory over a network: each look-up takes a millisecond. It is not
// store.Local.
type farAway struct {
	apikey.Store
	plansAndGroups
	st *memory.Store
}

type plansAndGroups interface {
	usageplan.Store
	usageplan.GroupStore
}

func (f farAway) Local() bool { return false }

func (f farAway) OnChange(changed func(string)) func() { return f.st.OnChange(changed) }

func (f farAway) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	time.Sleep(time.Millisecond)
	return f.st.AccessByDigest(ctx, d)
}

func (f farAway) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	time.Sleep(time.Millisecond)
	return f.st.AccessByKey(ctx, id)
}

// TestBusyAfterChange changes a group or a plan, and then 300 of its keys ask at the same
// time. That is more than may be read at once, so they wait for their turn.
func TestBusyAfterChange(t *testing.T) {
	for _, what := range []string{"nothing", "the group", "the key's plan"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 300
				st := memory.New(memory.Config{})
				f := farAway{st, st, st}
				h := treeOver(t, st, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.MaxAge = f, f, time.Hour })
				h.days(map[string]int64{"key": 1000, "org": 1 << 40})
				h.group("acme org")
				for i := range n {
					h.member(fmt.Sprint("k", i), "acme", "key")
					require.True(t, h.admit(gate.Request{KeyID: fmt.Sprint("k", i)}).Allowed)
				}
				switch what {
				case "the group":
					h.update("acme", func(g *usageplan.Group) { g.Name = "Acme" })
				case "the key's plan":
					require.NoError(t, second(h.plans.Update(t.Context(), "key", func(p *usageplan.Plan) error { p.Name = "Key"; return nil })))
				}
				var wg sync.WaitGroup
				var refused atomic.Int64
				var first atomic.Value
				for i := range n {
					wg.Go(func() {
						d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: fmt.Sprint("k", i)})
						if !d.Allowed {
							refused.Add(1)
							first.Store(fmt.Sprint(d.Reason, " ", err))
						}
					})
				}
				wg.Wait()
				require.Zero(t, refused.Load(), "of %d keys in good standing: %v", n, first.Load())
			})
		})
	}
}
