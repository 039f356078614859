package gate_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// dark is a directory that can fail.
type dark struct {
	*memory.Store
	out *atomic.Bool
}

func (c dark) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	if c.out.Load() {
		return usageplan.Access{}, errBroken
	}
	return c.Store.AccessByKey(ctx, id)
}

// countedAccess is a directory that counts the look-ups.
type countedAccess struct {
	*memory.Store
	reads *atomic.Int64
}

func (c countedAccess) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	c.reads.Add(1)
	return c.Store.AccessByKey(ctx, id)
}

// TestOutageOfManyGroups fills the cache with keys that have many groups and plans.
// Nothing has changed, so every cached key is served while the directory is away.
func TestOutageOfManyGroups(t *testing.T) {
	var out atomic.Bool
	st := memory.New(memory.Config{})
	c := dark{st, &out}
	h := treeOver(t, st, func(cfg *parts) {
		cfg.Keys, cfg.Plans, cfg.MaxKeys, cfg.MaxAge, cfg.MaxStale = c, c, 400, time.Hour, 2*time.Hour
	})
	h.plan(usageplan.Plan{ID: "key", Quotas: quotasOf("1000000/day")})
	for i := range 400 {
		a, b, c := fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("c", i)
		h.group(a)
		h.group(a + ">" + b)
		h.group(b + ">" + c)
		h.member(fmt.Sprint("o", i), c, "key")
		require.True(t, h.admit(gate.Request{KeyID: fmt.Sprint("o", i)}).Allowed)
	}
	out.Store(true)
	served := 0
	for i := range 400 {
		d, _ := h.gate.Admit(t.Context(), gate.Request{KeyID: fmt.Sprint("o", i)})
		if d.Allowed {
			served++
		}
	}
	require.Greater(t, served, 390, "of 400 keys")
}

// TestPopularPlan uses keys with one plan in common all the time, while keys with new
// groups are read once each. The keys with the plan are not read again for that.
func TestPopularPlan(t *testing.T) {
	var reads atomic.Int64
	st := memory.New(memory.Config{})
	c := countedAccess{st, &reads}
	h := treeOver(t, st, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.MaxKeys, cfg.MaxAge = c, c, 1000, time.Hour })
	h.days(map[string]int64{"key": 1 << 40, "org": 1 << 40})
	for i := range 400 {
		h.member(fmt.Sprint("hot", i), "", "key")
	}
	round := func() int64 {
		before := reads.Load()
		for i := range 400 {
			h.admit(gate.Request{KeyID: fmt.Sprint("hot", i)})
		}
		return reads.Load() - before
	}
	round()
	require.Zero(t, round())
	most := int64(0)
	for i := range 6000 {
		h.group(fmt.Sprint("g", i, " org"))
		h.member(fmt.Sprint("k", i), fmt.Sprint("g", i))
		h.admit(gate.Request{KeyID: fmt.Sprint("k", i)})
		if i%20 == 0 {
			most = max(most, round())
		}
	}
	require.Less(t, most, int64(50), "look-ups of the 400 keys in one round")
}

// TestManyGroups has as many keys as MaxKeys, each in a family of its own. None is read
// again while nothing changes.
func TestManyGroups(t *testing.T) {
	for _, deep := range []int{0, 1, 2, 3} {
		for _, throttled := range []bool{false, true} {
			t.Run(fmt.Sprintf("groups=%d,throttle=%t", deep, throttled), func(t *testing.T) {
				const n = 1000
				var reads atomic.Int64
				st := memory.New(memory.Config{})
				c := countedAccess{st, &reads}
				h := treeOver(t, st, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.MaxKeys, cfg.MaxAge = c, c, n, time.Hour })
				p := usageplan.Plan{ID: "key", Quotas: quotasOf("1000/day")}
				if throttled {
					p.Throttles = throttlesOf("1000 tokens/hour")
				}
				h.plan(p)
				h.plan(usageplan.Plan{ID: "org", Quotas: quotasOf("100000/day")})
				for i := range n {
					parent := ""
					for l := range deep {
						id := fmt.Sprintf("g%d-%d", l, i)
						require.NoError(t, second(h.groups.Create(t.Context(), usageplan.Group{ID: id, ParentID: parent, PlanID: "org"})))
						parent = id
					}
					h.member(fmt.Sprint("k", i), parent, "key")
				}
				for range 4 {
					reads.Store(0)
					for i := range n {
						require.True(t, h.admit(gate.Request{KeyID: fmt.Sprint("k", i)}).Allowed)
					}
				}
				require.LessOrEqual(t, reads.Load(), int64(n/10), "a cache with room for all keys must serve most of them")
			})
		}
	}
}
