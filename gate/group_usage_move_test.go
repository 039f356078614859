package gate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// hooked runs a hook before the next charge.
type hooked struct {
	store.Counter
	hook *func(c *store.Charge)
}

func (c hooked) Take(ctx context.Context, charge *store.Charge) error {
	if f := *c.hook; f != nil {
		*c.hook = nil
		f(charge)
	}
	return c.Counter.Take(ctx, charge)
}

// TestReportDuringMove moves a key while its usage is read, and while its quota is
// extended. The report follows the counts.
func TestReportDuringMove(t *testing.T) {
	for name, counter := range counters(t) {
		t.Run(name, func(t *testing.T) {
			var hook func(*store.Charge)
			h := treeOver(t, memory.New(memory.Config{}), func(cfg *parts) { cfg.Counter, cfg.Timeout = hooked{counter, &hook}, time.Minute })
			h.unit = "tokens"
			h.days(map[string]int64{"key": 100})
			h.group("acme")
			h.group("blue")
			id := fmt.Sprint("k", rand.Int64())
			h.member(id, "acme", "key")
			h.admit(gate.Request{KeyID: id, Costs: costs(9)})
			for _, to := range []string{"blue", "", "acme"} {
				for what, read := range map[string]func() (int64, error){
					"by day": func() (int64, error) {
						days, err := h.gate.UsageByDay(t.Context(), "key", id, "tokens", 1)
						if err != nil {
							return 0, err
						}
						return days[0].Used, nil
					},
					"plan": func() (n int64, err error) {
						for u, err := range h.gate.PlanUsage(t.Context(), "key", "tokens", 1) {
							if err != nil {
								return 0, err
							}
							n += u.Days[0].Used
						}
						return n, nil
					},
				} {
					hook = func(*store.Charge) { require.NoError(t, second(h.groups.MoveKey(t.Context(), id, to))) }
					got, err := read()
					require.NoError(t, err, "%s, to %q", what, to)
					require.EqualValues(t, 9, got, what)
					hook = nil
					got, err = read()
					require.NoError(t, err)
					require.EqualValues(t, 9, got, what)
				}
				hook = func(*store.Charge) { require.NoError(t, second(h.groups.MoveKey(t.Context(), id, "blue"))) }
				err := h.gate.SetRemaining(t.Context(), "key", id, "day", 50)
				require.NoError(t, err)
			}
		})
	}
}

// noUpdate is a store of keys that cannot change one.
type noUpdate struct{ apikey.Store }

func (noUpdate) UpdateKey(context.Context, apikey.Key) error { return errBroken }

// TestReportsAfterInterruptedMove interrupts a move. The reports of the plan go on.
func TestReportsAfterInterruptedMove(t *testing.T) {
	h := newTokenTree(t)
	h.days(map[string]int64{"key": 100})
	h.group("acme")
	h.member("k", "", "key")
	h.member("other", "", "key")
	for _, id := range []string{"k", "other"} {
		h.admit(gate.Request{KeyID: id, Costs: costs(4)})
	}
	groups := must(usageplan.NewGroups(noUpdate{h.st}, h.st, h.st, usageplan.Config{Units: tokens}))
	require.ErrorIs(t, second(groups.MoveKey(t.Context(), "k", "acme")), errBroken)
	got := map[string]int64{}
	for u, err := range h.gate.PlanUsage(t.Context(), "key", "tokens", 1) {
		require.NoError(t, err)
		got[u.KeyID] = u.Days[0].Used
	}
	require.Equal(t, map[string]int64{"k": 4, "other": 4}, got)
}
