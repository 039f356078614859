package gate_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// places are the ways in which a Counter may keep the subjects.
var places = map[string]func(store.Counter) store.Counter{
	"one step": func(c store.Counter) store.Counter { return c },
	"apart":    func(c store.Counter) store.Counter { return separate{c} },
}

// newLenient returns a tree with limits at the key "k", the groups search and acme, the
// stage pets:prod and the account.
func newLenient(t *testing.T, counter func(store.Counter) store.Counter, change ...func(*parts)) *tree {
	h := newTree(t, append([]func(*parts){func(cfg *parts) {
		cfg.Counter = counter(cfg.Counter)
		cfg.Account = throttle(0.1, 3)
		cfg.Stages = map[usageplan.Stage]limiter.Limit{{API: "pets", Name: "prod"}: {Rate: 0.2, Burst: 4}}
	}}, change...)...)
	h.plan(usageplan.Plan{ID: "key", Throttle: throttle(0.1, 2), Throttles: throttlesOf("0.1 tokens/second burst 8"), Quotas: quotasOf("1/hour soft")})
	h.plan(usageplan.Plan{ID: "team", Throttle: throttle(0, 0), For: map[string]usageplan.Limits{"opus": limitsOf("1/day")}})
	h.plan(usageplan.Plan{ID: "org", Quotas: quotasOf("20 tokens/day")})
	h.group("acme org")
	h.group("acme>search team")
	h.group("acme>free")
	h.member("k", "search", "key")
	h.member("free", "free", "key")
	return h
}

// TestEnforceOff is a timeline of a Gate whose limits are turned off and on again. While
// they are off, everything is admitted and counted, and the Decision says what would have
// refused. Unknown keys are still refused.
func TestEnforceOff(t *testing.T) {
	const prod, bare = "prod", ""
	for name, counter := range places {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newLenient(t, counter)
				for i, step := range []struct {
					enforce           bool
					key, class, stage string
					tokens            int64
					want, would       string
					levels            string
				}{
					{true, "k", "", prod, 1, "never_fits, throttle (requests) of group", "", "throttle 0, tokens 0, hour 0 | throttle 0, tokens/day 0"},
					{false, "k", "", prod, 5, "admitted", "group throttle never; ", "throttle 1, tokens 5, hour 1 | throttle 0, tokens/day 5"},
					{false, "k", "opus", prod, 1, "admitted", "key hour 1h0m0s; group throttle never; ",
						"throttle 2, tokens 6, hour 2 | throttle 0, opus day 1, tokens/day 6"},
					{false, "k", "opus", prod, 9, "admitted",
						"key throttle 10s; key tokens never; key hour 1h0m0s; group throttle never; group opus day 24h0m0s; ",
						"throttle 2, tokens 6, hour 3 | throttle 0, opus day 2, tokens/day 15"},
					{false, "k", "", prod, 0, "admitted", "key throttle 10s; key hour 1h0m0s; group throttle never; account throttle 10s; ",
						"throttle 2, tokens 6, hour 4 | throttle 0, tokens/day 15"},
					{false, "k", "", prod, 6, "admitted",
						"key throttle 10s; key tokens 40s; key hour 1h0m0s; group throttle never; group tokens/day 24h0m0s; account throttle 10s; ",
						"throttle 2, tokens 6, hour 5 | throttle 0, tokens/day 21"},
					{false, "free", "", bare, 0, "admitted", "account throttle 10s; ", "throttle 1, tokens 0, hour 1 | tokens/day 21"},
					{true, "free", "", bare, 0, "throttled, throttle (requests) of account", "key hour 1h0m0s; ", "throttle 1, tokens 0, hour 1 | tokens/day 21"},
					{true, "free", "", bare, 1, "quota_exceeded, tokens/day (tokens) of group", "key hour 1h0m0s; ", "throttle 1, tokens 0, hour 1 | tokens/day 21"},
					{false, "free", "", bare, 1, "admitted", "key hour 1h0m0s; group tokens/day 24h0m0s; account throttle 10s; ",
						"throttle 2, tokens 1, hour 2 | tokens/day 22"},
				} {
					h.gate.Enforce(step.enforce)
					d := h.bothSoft(gate.Request{KeyID: step.key, API: "pets", Stage: step.stage, Class: step.class, Costs: costs(step.tokens)})
					require.Equal(t, step.want, decision(&d.Outcome), "step %d", i)
					require.Equal(t, step.would, wouldRefuse(&d.Outcome), "step %d", i)
					require.Equal(t, step.levels, levelsText(&d.Outcome), "step %d", i)
					by, refused := d.RefusedBy()
					require.Equal(t, !d.Allowed, refused, "%d: %v", i, by)
					require.Equal(t, d.Allowed, d.Err() == nil)
					require.Equal(t, d.Allowed, d.RetryAfter == 0)
				}
				require.EqualValues(t, 5, h.keyToday("key", "k"))
				require.Equal(t, []int64{7, 5}, h.today("acme", "search"))
				require.EqualValues(t, 3, sharedTokens(t, h.gate.Counter(), "account", "account", throttle(0.1, 3)))
				require.EqualValues(t, 4, sharedTokens(t, h.gate.Counter(), "stage pets:prod", "stage", throttle(0.2, 4)))
				d := h.admit(gate.Request{Secret: "unknown"})
				require.Equal(t, gate.Unknown, d.Reason)
				require.NoError(t, second(h.keys.Update(t.Context(), "free", func(k *apikey.Key) error { k.Enabled = false; return nil })))
				d = h.admit(gate.Request{KeyID: "free"})
				require.Equal(t, gate.Disabled, d.Reason)
			})
		})
	}
}

// TestEnforceOffIDs repeats IDs while the limits are off. Each pays once, and a shared
// throttle that is empty gets no token of a repetition.
func TestEnforceOffIDs(t *testing.T) {
	for name, counter := range places {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newLenient(t, counter)
				h.gate.Enforce(false)
				for i, step := range []struct {
					id       string
					repeated bool
					paid     int64 // requests
					account  int64 // tokens
				}{
					{"a", false, 1, 1}, {"a", true, 1, 1}, {"b", false, 2, 2}, {"c", false, 3, 3}, {"c", true, 3, 3},
					{"d", false, 4, 3}, {"d", true, 4, 3}, {"a", true, 4, 3}, {"e", false, 5, 3},
				} {
					d := h.bothSoft(gate.Request{KeyID: "k", ID: step.id})
					require.True(t, d.Allowed, i)
					require.Equal(t, step.repeated, d.Repeated, i)
					if d.Repeated {
						require.Empty(t, wouldRefuse(&d.Outcome), i)
					}
					require.Equal(t, step.paid, h.keyToday("key", "k"), i)
					require.Equal(t, []int64{step.paid}, h.today("acme"), i)
					require.Equal(t, step.account, sharedTokens(t, h.gate.Counter(), "account", "account", throttle(0.1, 3)), i)
				}
			})
		})
	}
}

// TestEnforceOffNotTaken lets a Counter that keeps families apart take the tokens of the
// shared throttles and then not charge the key. A throttle that was empty gets nothing
// back.
func TestEnforceOffNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := false
		h := newLenient(t, func(c store.Counter) store.Counter {
			return separate{failing{c, func(c *store.Charge) error {
				if fails && len(c.Parts) > 1 {
					return store.ErrNotTaken
				}
				return nil
			}}}
		})
		h.gate.Enforce(false)
		for i, want := range []int64{1, 1, 2, 3, 3, 3} {
			fails = i == 1 || i == 4
			d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: "k"})
			require.True(t, d.Allowed)
			require.Equal(t, fails, err != nil, i)
			require.Equal(t, want, sharedTokens(t, h.gate.Counter(), "account", "account", throttle(0.1, 3)), i)
		}
	})
}

// TestEnforceOffFails turns the limits off while the Counter fails. Everything is
// admitted, nothing is taken from the buckets of the process, and the error is reported.
func TestEnforceOffFails(t *testing.T) {
	for _, closed := range []gate.FailurePolicy{{}, {Throttle: gate.FailClosed, Quota: gate.FailClosed}} {
		synctest.Test(t, func(t *testing.T) {
			st := &broken{Store: memory.New(memory.Config{})}
			h := treeOver(t, st.Store, func(cfg *parts) { cfg.Counter, cfg.Account, cfg.OnFailure = st, throttle(0.1, 1), closed })
			h.plan(usageplan.Plan{ID: "key", Throttle: throttle(0.1, 1), Quotas: quotasOf("1/day")})
			h.group("acme key")
			h.member("k", "acme", "key")
			st.takes.Store(true)
			for i, enforce := range []bool{false, false, false, true, false} {
				h.gate.Enforce(enforce)
				for what, decide := range map[string]func(context.Context, gate.Request) (gate.Decision, error){"Admit": h.gate.Admit, "Peek": h.gate.Peek} {
					d, err := decide(t.Context(), gate.Request{KeyID: "k"})
					require.ErrorIs(t, err, errBroken)
					require.Equal(t, !enforce, d.Allowed, "%s %d", what, i)
					require.Equal(t, gate.StoreFailed, d.Reason)
					require.Zero(t, d.RetryAfter)
					require.Empty(t, wouldRefuse(&d.Outcome))
					require.False(t, d.Charged)
				}
			}
			st.takes.Store(false)
			h.gate.Enforce(true)
			h.want(gate.Admitted, "k")
			h.want(gate.QuotaExceeded, "k")
		})
	}
}

// TestSoftFails decides while the Counter fails. Soft quotas do not close, and soft
// throttles refuse nothing.
func TestSoftFails(t *testing.T) {
	for name, c := range map[string]struct {
		policy   gate.FailurePolicy
		key, org usageplan.Plan
		class    string
		want     []bool
	}{
		"soft quotas":         {gate.FailurePolicy{}, usageplan.Plan{Quotas: quotasOf("1/day soft")}, usageplan.Plan{Quotas: quotasOf("1/day soft")}, "", []bool{true, true}},
		"one hard quota":      {gate.FailurePolicy{}, usageplan.Plan{Quotas: quotasOf("1/day soft")}, usageplan.Plan{Quotas: quotasOf("1/day soft", "5/day as hard")}, "", []bool{false}},
		"soft throttles":      {gate.FailurePolicy{}, usageplan.Plan{Throttles: throttlesOf("0.1/second burst 1 soft")}, usageplan.Plan{Throttles: throttlesOf("0.1/second burst 1 soft")}, "", []bool{true, true}},
		"closed throttles":    {gate.FailurePolicy{Throttle: gate.FailClosed}, usageplan.Plan{Throttles: throttlesOf("0.1/second burst 1 soft")}, usageplan.Plan{}, "", []bool{true, true}},
		"one closed throttle": {gate.FailurePolicy{Throttle: gate.FailClosed}, usageplan.Plan{Throttles: throttlesOf("0.1/second burst 1 soft")}, usageplan.Plan{Throttle: throttle(1, 9)}, "", []bool{false}},
		"a hard one beside":   {gate.FailurePolicy{}, usageplan.Plan{Throttles: throttlesOf("0.1/second burst 1 soft", "0.1/second burst 2 as hard")}, usageplan.Plan{}, "", []bool{true, true, false}},
		"a quota of a class":  {gate.FailurePolicy{}, usageplan.Plan{}, usageplan.Plan{For: map[string]usageplan.Limits{"opus": limitsOf("5/day")}}, "opus", []bool{false}},
		"of another class":    {gate.FailurePolicy{}, usageplan.Plan{}, usageplan.Plan{For: map[string]usageplan.Limits{"opus": limitsOf("5/day")}}, "haiku", []bool{true, true}},
		"a throttle of a class": {gate.FailurePolicy{}, usageplan.Plan{For: map[string]usageplan.Limits{"opus": limitsOf("0.1/second burst 1")}}, usageplan.Plan{}, "opus",
			[]bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &broken{Store: memory.New(memory.Config{})}
				h := treeOver(t, st.Store, func(cfg *parts) { cfg.Counter, cfg.OnFailure = st, c.policy })
				for id, p := range map[string]usageplan.Plan{"key": c.key, "org": c.org} {
					p.ID = id
					h.plan(p)
				}
				h.group("acme org")
				h.member("k", "acme", "key")
				st.takes.Store(true)
				for i, want := range c.want {
					for _, decide := range []func(context.Context, gate.Request) (gate.Decision, error){h.gate.Peek, h.gate.Admit} {
						d, err := decide(t.Context(), gate.Request{KeyID: "k", Class: c.class})
						require.ErrorIs(t, err, errBroken)
						require.Equal(t, want, d.Allowed, i)
					}
				}
			})
		})
	}
}

// TestEnforceInTraffic turns the limits off and on while requests of classes are made.
// All that was admitted is counted at each payer, and nothing is refused while they are
// off.
func TestEnforceInTraffic(t *testing.T) {
	for name, counter := range places {
		t.Run(name, func(t *testing.T) {
			h := newTree(t, func(cfg *parts) { cfg.Counter, cfg.Account = counter(cfg.Counter), throttle(1e-6, 100) })
			h.plan(usageplan.Plan{ID: "p", Throttle: throttle(1e-6, 90), Quotas: quotasOf("120/year"), For: map[string]usageplan.Limits{
				"a": limitsOf("40/year"), "b": limitsOf("30/year soft"), "GET /c": limitsOf("20/year"),
			}})
			h.group("acme p")
			h.member("k", "acme", "p")
			var admitted, refused atomic.Int64
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					for i := range 200 {
						d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: "k", Class: []string{"", "a", "b"}[i%3], Route: []string{"GET /c", "GET /d"}[i%2], ID: fmt.Sprint(worker, "/", i/2)})
						switch {
						case err != nil:
							t.Error(err)
						case d.Charged:
							admitted.Add(1)
						case !d.Allowed:
							refused.Add(1)
						}
					}
				})
			}
			for i := range 50 {
				for range 100 {
					h.gate.Enforce(i%2 == 0)
				}
				runtime.Gosched()
			}
			wg.Wait()
			require.Equal(t, admitted.Load(), h.keyToday("p", "k"))
			require.Equal(t, []int64{admitted.Load()}, h.today("acme"))
			h.gate.Enforce(false)
			for i := range 200 {
				d := h.admit(gate.Request{KeyID: "k", Class: "a", ID: fmt.Sprint("later ", i)})
				require.True(t, d.Allowed)
			}
			h.gate.Enforce(true)
			d := h.admit(gate.Request{KeyID: "k", Class: "a"})
			require.False(t, d.Allowed, "at once")
			require.Equal(t, admitted.Load()+200, h.keyToday("p", "k"))
		})
	}
}

// TestEnforceOffFullRecord has a usage record that can count nothing more. It refuses,
// but not while the limits are off. Peek and Admit say the same.
func TestEnforceOffFullRecord(t *testing.T) {
	h := newTokens(t)
	_, secret, _ := h.linked(usageplan.Plan{})
	h.ask(gate.Request{Secret: secret, Costs: costs(store.MaxUnits)})
	for _, enforce := range []bool{true, false, true} {
		h.gate.Enforce(enforce)
		d := h.ask(gate.Request{Secret: secret, Costs: costs(5)})
		require.Equal(t, map[bool]string{true: "never_fits", false: "admitted"}[enforce], d.Reason.String())
	}
}
