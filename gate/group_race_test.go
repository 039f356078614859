package gate_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// atOnce lets n requests of the keys in turn go at the same instant, and returns how many
// were admitted. Every refusal must name the payer.
func (h *tree) atOnce(n int, payer string, keyIDs ...string) int64 {
	var admitted atomic.Int64
	var ready, wg sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		wg.Go(func() {
			ready.Done()
			<-start
			d, err := h.gate.Admit(h.t.Context(), gate.Request{KeyID: keyIDs[i%len(keyIDs)]})
			switch by, _ := d.RefusedBy(); {
			case err != nil:
				h.t.Error(err)
			case d.Allowed:
				admitted.Add(1)
			case by.String() != payer:
				h.t.Error("refused by", by)
			}
		})
	}
	ready.Wait()
	close(start)
	wg.Wait()
	return admitted.Load()
}

// TestEightForFive lets eight requests behind a barrier go, with room for five in the
// organisation. Five are admitted, whatever their keys and teams.
func TestEightForFive(t *testing.T) {
	limits := map[string]usageplan.Plan{
		"quota":    {ID: "org", Quotas: perDay(5)},
		"throttle": {ID: "org", Throttle: throttle(1e-8, 5)},
		"both":     {ID: "org", Quotas: perDay(5), Throttle: throttle(1e-8, 6)},
	}
	for name, counter := range counters(t) {
		for limit, plan := range limits {
			t.Run(name+"/"+limit, func(t *testing.T) {
				for round := range 20 {
					h := treeOver(t, memory.New(memory.Config{}), func(cfg *parts) { cfg.Counter, cfg.Timeout = counter, time.Minute })
					h.plan(plan)
					h.days(map[string]int64{"key": 100})
					// The Counter keeps what earlier rounds used.
					org := name + limit + string(rune('a'+round))
					for _, g := range []string{org + " org", org + ">" + org + "-1", org + ">" + org + "-2"} {
						h.group(g)
					}
					var ids []string
					for _, id := range []string{"-1-a", "-1-b", "-2-a", "-2-b"} {
						ids = append(ids, org+id)
						h.member(org+id, org+id[:2], "key")
					}
					require.EqualValues(t, 5, h.atOnce(8, "group "+org, ids...))
					require.Equal(t, []int64{5}, h.today(org))
					teams := h.today(org+"-1", org+"-2")
					require.EqualValues(t, 5, teams[0]+teams[1])
				}
			})
		}
	}
}

// TestHundredForFifty lets a hundred requests of one key go at once, over a team and an
// organisation. One of the two has fifty units, and the other one more. Exactly fifty are
// admitted, and nobody is refused by the one that has room.
func TestHundredForFifty(t *testing.T) {
	for name, counter := range counters(t) {
		for _, c := range []struct {
			team, org int64
			payer     string
		}{{50, 51, "team"}, {51, 50, "org"}} {
			t.Run(name+"/"+c.payer, func(t *testing.T) {
				h := treeOver(t, memory.New(memory.Config{}), func(cfg *parts) { cfg.Counter, cfg.Timeout = counter, time.Minute })
				org := name + c.payer
				h.days(map[string]int64{"team": c.team, "org": c.org})
				h.group(org + "-org org")
				h.group(org + "-org>" + org + "-team team")
				h.member(org, org+"-team")
				require.EqualValues(t, 50, h.atOnce(100, "group "+org+"-"+c.payer, org))
				require.Equal(t, []int64{50, 50}, h.today(org+"-org", org+"-team"))
				require.EqualValues(t, 50, h.keyToday("", org))
			})
		}
	}
}

// TestGroupsAlloc checks that a decision over three groups takes one allocation, whether
// the request is admitted or refused.
func TestGroupsAlloc(t *testing.T) {
	if raceDetector() {
		t.Skip("the race detector makes pools forget")
	}
	h := newTree(t)
	h.days(map[string]int64{"key": 1 << 50, "none": 0})
	for _, g := range []string{"acme key", "acme>search key", "search>deep key", "acme>closed none"} {
		h.group(g)
	}
	h.member("open", "deep", "key")
	h.member("bare", "deep")
	h.member("refused", "closed", "key")
	for _, id := range []string{"open", "bare", "refused"} {
		require.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
			if d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: id}); err != nil || d.Allowed == (id == "refused") {
				t.Error(d.Reason, err)
			}
		}), 1.0, id)
	}
}

// TestGroupsAtOnce has eight goroutines admit, settle and refund requests of six keys in
// two teams, with a throttle of the stage and one of the account. At the end each payer
// has counted exactly what was admitted, no quota was ever exceeded, and every payer has
// what its requests left over.
func TestGroupsAtOnce(t *testing.T) {
	apart := func(c store.Counter) store.Counter { return separate{c} }
	one := func(c store.Counter) store.Counter { return c }
	for name, counter := range map[string]func(store.Counter) store.Counter{"one step": one, "apart": apart} {
		t.Run(name, func(t *testing.T) {
			const org, team, key = 2000, 1500, 700
			h := newTokenTree(t, func(cfg *parts) {
				cfg.Counter, cfg.Timeout = counter(cfg.Counter), time.Minute
				cfg.Account = throttle(1e-6, 5000)
				cfg.Stages = map[usageplan.Stage]limiter.Limit{{API: "pets", Name: "prod"}: {Rate: 1e-6, Burst: 5000}}
			})
			h.days(map[string]int64{"key": key, "team": team, "org": org})
			for _, g := range []string{"acme org", "acme>search team", "acme>help team"} {
				h.group(g)
			}
			ids := []string{"a", "b", "c", "d", "e", "f"}
			for i, id := range ids {
				h.member(id, []string{"search", "help"}[i%2], "key")
			}
			books := ledger{paid: map[string]int64{}}
			var tokens atomic.Int64
			var wg sync.WaitGroup
			for worker := range 8 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(3, uint64(worker)))
					for range 500 {
						d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: ids[rnd.IntN(6)], Costs: costs(1 + rnd.Int64N(9)), API: "pets", Stage: "prod"})
						if err != nil {
							t.Error(err)
						}
						if !d.Allowed {
							continue
						}
						tokens.Add(1)
						actual := rnd.Int64N(d.Costs[0] + 1)
						books.add(&d, actual)
						if err := h.gate.Settle(t.Context(), &d, costs(actual)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for i, id := range []string{"acme", "search", "help"} {
				used := h.today(id)[0]
				require.Equal(t, books.paid["group "+id], used, id)
				require.LessOrEqual(t, used, []int64{org, team, team}[i])
				windows, err := h.gate.GroupUsageByWindow(t.Context(), id, "day", 1)
				require.NoError(t, err)
				require.Equal(t, used, windows[0].Used)
			}
			for _, id := range ids {
				require.Equal(t, books.paid["key "+id], h.keyToday("key", id), id)
			}
			require.Equal(t, tokens.Load(), sharedTokens(t, h.gate.Counter(), "account", "account", throttle(1e-6, 5000)))
			require.Equal(t, tokens.Load(), sharedTokens(t, h.gate.Counter(), "stage pets:prod", "stage", throttle(1e-6, 5000)))
			require.Greater(t, tokens.Load(), int64(200))
		})
	}
}
