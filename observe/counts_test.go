package observe_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestCounts is a timeline of one key. Each step has what it adds to the Snapshot.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := observe.NewCounts(observe.CountsConfig{})
		start := time.Now()
		f := newBreakable(t, counts, gate.Config{
			Units:     usageplan.Units{{Name: "tokens"}},
			Account:   &limiter.Limit{Rate: 1e-6, Burst: 12},
			OnFailure: gate.FailurePolicy{Quota: gate.FailOpen},
		})
		key, secret := f.key(usageplan.Plan{Name: "Basic", Quotas: []quota.Quota{
			{Name: "soft", Limit: 2, Period: quota.Day, Soft: true},
			{Name: "day", Limit: 4, Period: quota.Day},
			{Name: "big", Limit: 5, Unit: "tokens", Period: quota.Day},
		}})
		plan := must(f.plans.KeyLinks(t.Context(), key.ID))[0].PlanID
		ask := func(req gate.Request) *gate.Decision {
			if req.KeyID == "" {
				req.Secret = secret
			}
			d, _ := f.gate.Admit(t.Context(), req)
			return &d
		}
		var want observe.Snapshot
		decided := func(plan string, r gate.Reason, allowed bool) *observe.DecisionCount {
			for i := range want.Decisions {
				if d := &want.Decisions[i]; d.Plan == plan && d.Reason == r && d.Allowed == allowed {
					d.Count++
					return d
				}
			}
			want.Decisions = append(want.Decisions, observe.DecisionCount{Plan: plan, Reason: r, Allowed: allowed, Count: 1})
			return &want.Decisions[len(want.Decisions)-1]
		}
		limit := func(name, unit string, soft bool) *observe.LimitCount {
			for i := range want.Limits {
				if l := &want.Limits[i]; l.Limit == name {
					return l
				}
			}
			l := observe.LimitCount{Plan: plan, Payer: gate.PayerKey, Limit: name, Unit: unit, Soft: soft}
			if name == "throttle" {
				l.Plan, l.Payer = "", gate.PayerAccount
			}
			want.Limits = append(want.Limits, l)
			return &want.Limits[len(want.Limits)-1]
		}
		refused := func(throttled, would int64) {
			if want.Keys == nil {
				want.Keys = []observe.KeyCount{{ID: key.ID, Name: key.Name, Plan: plan}}
			}
			k := &want.Keys[0]
			k.Refused += 1 - would
			k.Throttled += throttled
			k.WouldRefuse += would
			k.Last = time.Now()
		}
		for _, step := range []struct {
			what string
			do   func()
			adds func()
		}{
			{"nothing", func() {}, func() {}},
			{"two requests", func() { ask(gate.Request{}); ask(gate.Request{ID: "a"}) },
				func() { decided(plan, gate.Admitted, true); decided(plan, gate.Admitted, true) }},
			{"the second one again", func() { ask(gate.Request{ID: "a"}) }, func() { decided(plan, gate.Admitted, true).Repeated++ }},
			{"a Peek", func() { _, _ = f.gate.Peek(t.Context(), gate.Request{Secret: secret}) }, func() { want.Peeks++ }},
			{"the soft limit would refuse", func() { ask(gate.Request{}) },
				func() {
					decided(plan, gate.Admitted, true)
					limit("soft", "requests", true).WouldRefuse++
					refused(0, 1)
				}},
			{"too many tokens, and the soft limit has no room", func() { ask(gate.Request{Costs: usageplan.Costs{6}}) },
				func() { decided(plan, gate.NeverFits, false); limit("big", "tokens", false).Refused++; refused(0, 0) }},
			{"the last request, and it is settled", func() { _ = f.gate.Settle(t.Context(), ask(gate.Request{}), usageplan.Costs{5}) },
				func() {
					decided(plan, gate.Admitted, true)
					limit("soft", "requests", true).WouldRefuse++
					refused(0, 1)
					want.Settled++
				}},
			{"both quotas refuse", func() { ask(gate.Request{Costs: usageplan.Costs{1}}) },
				func() {
					decided(plan, gate.QuotaExceeded, false)
					limit("day", "requests", false).Refused++
					limit("big", "tokens", false).Refused++
					refused(0, 0)
				}},
			{"an unknown key", func() { ask(gate.Request{KeyID: "nobody"}) }, func() { decided("", gate.Unknown, false) }},
			{"the Counter fails", func() { f.fails = true; ask(gate.Request{}) }, func() { decided(plan, gate.StoreFailed, true).Degraded++ }},
			{"Enforce is off", func() { f.fails = false; f.gate.Enforce(false); ask(gate.Request{}); f.gate.Enforce(true) },
				func() {
					decided(plan, gate.Admitted, true)
					limit("soft", "requests", true).WouldRefuse++
					limit("day", "requests", false).WouldRefuse++
					refused(0, 1)
				}},
			{"a refund", func() {
				f.gate.Enforce(false)
				_ = f.gate.Refund(t.Context(), ask(gate.Request{}))
				f.gate.Enforce(true)
			}, func() {
				decided(plan, gate.Admitted, true)
				limit("soft", "requests", true).WouldRefuse++
				limit("day", "requests", false).WouldRefuse++
				refused(0, 1)
				want.Refunded++
			}},
			{"further costs of 0, which need no refund", func() {
				_ = f.gate.Refund(t.Context(), ask(gate.Request{Costs: usageplan.Costs{0}, More: true}))
			}, func() { want.Further++ }},
			{"further costs that do not fit", func() { ask(gate.Request{Costs: usageplan.Costs{9}, More: true}) },
				func() { decided(plan, gate.NeverFits, false); limit("big", "tokens", false).Refused++; refused(0, 0) }},
			{"further costs while the Counter fails", func() { f.fails = true; ask(gate.Request{More: true}) }, func() { want.Further++ }},
		} {
			step.do()
			step.adds()
			got := counts.Snapshot()
			require.Equal(t, start, got.Since, step.what)
			require.Equal(t, time.Now(), got.At, step.what)
			require.ElementsMatch(t, want.Decisions, got.Decisions, step.what)
			require.ElementsMatch(t, want.Limits, got.Limits, step.what)
			require.Equal(t, want.Keys, got.Keys, step.what)
			require.Equal(t, []int64{want.Peeks, want.Further, want.Settled, want.Refunded, want.CorrectionErrors},
				[]int64{got.Peeks, got.Further, got.Settled, got.Refunded, got.CorrectionErrors}, step.what)
			time.Sleep(time.Second)
		}
	})
}

// TestCountsAreBounded has more plans, limits and keys than there is room for.
func TestCountsAreBounded(t *testing.T) {
	counts := observe.NewCounts(observe.CountsConfig{Labels: 2, Keys: 3})
	f := newFixture(t, counts, gate.Config{})
	var keys []apikey.Key
	var secrets []apikey.Secret
	for i := range 5 {
		key, secret := f.key(usageplan.Plan{Quotas: []quota.Quota{{Name: fmt.Sprint("q", i), Limit: 1, Period: quota.Day}}})
		keys, secrets = append(keys, key), append(secrets, secret)
	}
	refuse := func(i int) {
		_, err := f.gate.Admit(t.Context(), gate.Request{Secret: secrets[i]})
		require.NoError(t, err)
	}
	for i := range secrets {
		refuse(i)
		refuse(i)
	}
	s := counts.Snapshot()
	total := map[string]int64{}
	for _, d := range s.Decisions {
		total[d.Plan] += d.Count
	}
	require.Len(t, total, 3)
	require.EqualValues(t, 6, total["other"])
	total = map[string]int64{}
	for _, l := range s.Limits {
		total[l.Limit] += l.Refused
	}
	require.Equal(t, map[string]int64{"q0": 1, "q1": 1, "other": 3}, total)

	order := func() (all []int) {
		for _, k := range counts.Snapshot().Keys {
			for i := range keys {
				if keys[i].ID == k.ID {
					all = append(all, i)
				}
			}
		}
		return all
	}
	require.Equal(t, []int{4, 3, 2}, order())
	refuse(2)
	refuse(0)
	require.Equal(t, []int{0, 2, 4}, order(), "the key that was refused least recently was evicted")
	require.EqualValues(t, 2, counts.Snapshot().Keys[1].Refused)
	require.EqualValues(t, 1, counts.Snapshot().Keys[0].Refused, "it begins anew")
}

// TestCountsWithoutKeys checks that a negative bound counts no keys.
func TestCountsWithoutKeys(t *testing.T) {
	counts := observe.NewCounts(observe.CountsConfig{Keys: -1})
	for _, d := range decisions(t) {
		counts.Decided(t.Context(), d)
	}
	require.Empty(t, counts.Snapshot().Keys)
	require.Len(t, counts.Snapshot().Decisions, 4)
}

// TestCountsAtOnce counts in many goroutines at once. The sums are exact.
func TestCountsAtOnce(t *testing.T) {
	counts := observe.NewCounts(observe.CountsConfig{Labels: 2, Keys: 1})
	all := decisions(t)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 500 {
				for _, d := range all {
					counts.Decided(t.Context(), d)
				}
				counts.Corrected(t.Context(), gate.Corrected{})
				_ = counts.Snapshot()
			}
		})
	}
	workers.Wait()
	s := counts.Snapshot()
	var total, refused, would int64
	for _, d := range s.Decisions {
		total += d.Count
	}
	for _, l := range s.Limits {
		refused += l.Refused
		would += l.WouldRefuse
	}
	require.EqualValues(t, 8*500*len(all), total)
	require.EqualValues(t, 8*500, refused)
	require.EqualValues(t, 8*500, would)
	require.EqualValues(t, 8*500, s.Settled)
	require.Len(t, s.Keys, 1)
}
