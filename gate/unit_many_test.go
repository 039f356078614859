package gate_test

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// manyLimits returns a plan with n limits, half of them throttles. Each is for 100
// requests or more of one of the units of model.
func manyLimits(n int) (p usageplan.Plan) {
	units := []string{"requests", "input", "output", "cents"}
	for i := range n {
		amount := fmt.Sprintf("%d %s", 100+i, units[i%len(units)])
		switch {
		case i == 0:
			p.Throttle = throttle(0.001, 100)
		case i < n/2:
			p.Throttles = append(p.Throttles, throttlesOf(amount+fmt.Sprint("/hour as bucket ", i))...)
		default:
			p.Quotas = append(p.Quotas, quotasOf(amount+fmt.Sprint("/day as quota ", i))...)
		}
	}
	return p
}

// TestManyLimits decides by plans of one limit up to the most that there can be. Every
// limit has its level, and the last one refuses as the first one does.
func TestManyLimits(t *testing.T) {
	for n := 1; n <= usageplan.MaxLimits; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newUnits(t)
				k, secret, p := h.linked(manyLimits(n))
				d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{2, 3, 4}})
				require.True(t, d.Allowed)
				require.Len(t, d.Limits(), n)
				spent := map[string]int64{"requests": 1, "input": 2, "output": 3, "cents": 4}
				i := 0
				for l := range d.Levels() {
					require.Equal(t, spent[l.Unit], l.Used, l.Name)
					require.EqualValues(t, 100+i, l.Max, l.Name)
					require.Equal(t, l.Level, d.Level(i))
					i++
				}
				require.Equal(t, n, i)
				require.Zero(t, d.Level(n))

				require.NoError(t, h.gate.Settle(t.Context(), d, usageplan.Costs{1, 1, 1}))
				require.Equal(t, slices.Repeat([]int64{1}, n), h.levels(k.ID))
				require.Equal(t, []int64{1, 1, 1, 1}, h.records(p.ID, k.ID, model))

				copied := d.Outcome // an Outcome may be kept
				h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{9, 9, 9}})
				require.Equal(t, d.Level(n-1), copied.Level(n-1))

				refused := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1000, 1000, 1000}})
				require.Equal(t, n == 1, refused.Allowed)
				for l := range refused.Refusals() {
					require.NotEqual(t, "requests", l.Unit)
					require.Equal(t, store.Never, l.Wait)
				}
			})
		})
	}
}

// TestManyLimitsOfGroups gives plans of one limit up to the most to a team, and the plan
// with the opposite number to its organisation. Every limit of both has its level, after
// an admission and after a refusal.
func TestManyLimitsOfGroups(t *testing.T) {
	for n := 1; n <= usageplan.MaxLimits; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newUnits(t)
				h.family(usageplan.Plan{Throttle: throttle(0.001, 200)}, manyLimits(n), manyLimits(usageplan.MaxLimits+1-n))
				spent := map[string]int64{"requests": 1, "input": 2, "output": 3, "cents": 4}
				for _, costs := range []usageplan.Costs{{2, 3, 4}, {1000, 1000, 1000}} {
					d := h.ask(gate.Request{KeyID: "key", Costs: costs})
					require.Equal(t, costs[0] == 2, d.Allowed)
					shown := map[string]int64{}
					for l := range d.GroupLevels() {
						require.Equal(t, spent[l.Unit], l.Used, l.Name)
						require.Equal(t, 100+shown[l.Payer.ID], l.Max, l.Name)
						require.Equal(t, !d.Allowed && l.Unit != "requests", l.Wait == store.Never, l.Name)
						shown[l.Payer.ID]++
					}
					require.Equal(t, map[string]int64{"team": int64(n), "org": int64(usageplan.MaxLimits + 1 - n)}, shown)
				}
			})
		})
	}
}

// counted is a Counter that remembers how many meters the last charge had.
type counted struct {
	store.Counter
	meters int
}

func (c *counted) Take(ctx context.Context, charge *store.Charge) error {
	c.meters = len(charge.Parts[0].Meters)
	return c.Counter.Take(ctx, charge)
}

// TestMostMeters has a plan with all limits, all units and an ID. Together they are as
// many meters as a part of a charge can have, less the record of a secret.
func TestMostMeters(t *testing.T) {
	c := &counted{Counter: memory.New(memory.Config{})}
	units := append(slices.Clone(model), usageplan.Unit{Name: "pages"})
	h := newFixture(t, func(cfg *parts) { cfg.Units, cfg.Counter = units, c })
	k, secret, p := h.linked(manyLimits(usageplan.MaxLimits))
	for _, repeated := range []bool{false, true} {
		d := h.ask(gate.Request{Secret: secret, ID: "a", Costs: usageplan.Costs{1, 2, 3, 4}})
		require.Equal(t, store.MaxMeters-1, c.meters)
		require.Equal(t, repeated, d.Repeated)
		require.Equal(t, []int64{1, 1, 2, 3, 4}, h.records(p.ID, k.ID, units))
	}
	p.Quotas = append(p.Quotas, quotasOf("1/day as one more")...)
	require.ErrorContains(t, p.Validate(), "want at most 9")
}

// TestUnitsAllocateNothing counts the allocations of a decision with costs. Beyond six
// limits the levels are one.
func TestUnitsAllocateNothing(t *testing.T) {
	if raceDetector() {
		t.Skip("the race detector makes pools forget")
	}
	for limits, want := range map[int]float64{1: 0, 6: 0, 7: 1, usageplan.MaxLimits: 1} {
		h, ctx := newUnits(t), t.Context()
		_, secret, _ := h.linked(manyLimits(limits))
		for name, costs := range map[string]usageplan.Costs{"admitted": {}, "costs": {1}, "refused": {1000, 1000, 1000}} {
			for what, decide := range map[string]func(context.Context, gate.Request) (gate.Decision, error){"Admit": h.gate.Admit, "Peek": h.gate.Peek} {
				req := gate.Request{Secret: secret, Costs: costs, At: time.Now()}
				allocated := testing.AllocsPerRun(100, func() {
					if _, err := decide(ctx, req); err != nil {
						t.Error(err)
					}
				})
				require.LessOrEqual(t, allocated, want, "%d limits, %s, %s", limits, name, what)
			}
		}
	}
}

// raceDetector reports whether the test was built with the race detector.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
