package gate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// modelPayer is what a key or a group is in the plain model: a plan, a bucket and counts.
// The model's times are whole seconds, and its rates whole tokens a second.
type modelPayer struct {
	name   string          // as a gate.Payer prints it
	plan   *usageplan.Plan // nil if it has none
	tokens int64
	filled time.Time        // when tokens was right
	counts map[string]int64 // by the quota's name and the window's start, and by the day
	above  *modelPayer
}

// limitsOn returns the plan of p if it counts on a stage, and otherwise nil.
func (p *modelPayer) limitsOn(stage string) *usageplan.Plan {
	if p.plan == nil || len(p.plan.Stages) > 0 && p.plan.Stages[0].Name != stage {
		return nil
	}
	return p.plan
}

// modelWindow returns the name under which a window is counted, and its end.
func modelWindow(q quota.Quota, at time.Time) (name string, end time.Time) {
	length := map[quota.Period]time.Duration{quota.Hour: time.Hour, quota.Day: 24 * time.Hour}[q.Period]
	start := at.Truncate(length)
	return q.NameOrPeriod() + start.String(), start.Add(length)
}

func modelDay(at time.Time) string { return "record" + at.Truncate(24*time.Hour).String() }

// tokensOf returns how many tokens a request takes of a plan's bucket.
func tokensOf(plan *usageplan.Plan, cost int64) int64 {
	if plan.ThrottleByCost {
		return cost
	}
	return 1
}

// refill brings the tokens of p up to date.
func (p *modelPayer) refill(plan *usageplan.Plan, at time.Time) {
	l := plan.Throttle
	p.tokens = min(int64(l.Burst), p.tokens+int64(at.Sub(p.filled)/time.Second)*int64(l.Rate))
	p.filled = at
}

// waits returns the limits of p that refuse a request, each with how long.
func (p *modelPayer) waits(stage string, cost int64, at time.Time) (names []string, waits []time.Duration) {
	plan := p.limitsOn(stage)
	if plan == nil {
		return nil, nil
	}
	add := func(name string, wait time.Duration) {
		names, waits = append(names, p.name+" "+name), append(waits, wait)
	}
	if l := plan.Throttle; l != nil {
		p.refill(plan, at)
		n := tokensOf(plan, cost)
		switch missing := n - p.tokens; {
		case n > int64(l.Burst):
			add("throttle", store.Never)
		case missing > 0: // in whole microseconds
			add("throttle", (time.Duration(missing)*time.Second+time.Duration(l.Rate)*time.Microsecond-1)/time.Duration(l.Rate)/time.Microsecond*time.Microsecond)
		}
	}
	for _, q := range plan.Quotas {
		name, end := modelWindow(q, at)
		switch {
		case cost > q.Limit:
			add(q.NameOrPeriod(), store.Never)
		case p.counts[name]+cost > q.Limit:
			add(q.NameOrPeriod(), end.Sub(at))
		}
	}
	return names, waits
}

// charge counts n more of each window that a request at an instant is in.
func (p *modelPayer) charge(stage string, n int64, at time.Time) {
	p.counts[modelDay(at)] += n
	if plan := p.limitsOn(stage); plan != nil {
		for _, q := range plan.Quotas {
			name, _ := modelWindow(q, at)
			p.counts[name] += n
		}
	}
}

// admit decides a request and charges it. It returns the text of outcome, and the wait.
func (p *modelPayer) admit(stage string, cost int64, at time.Time) (text string, wait time.Duration) {
	hasPlan := p.plan != nil
	for g := p.above; g != nil && p.plan == nil; g = g.above {
		hasPlan = hasPlan || g.limitsOn(stage) != nil
	}
	if !hasPlan {
		return "no_plan", 0
	}
	reason := "admitted"
	for payer := p; payer != nil; payer = payer.above {
		names, waits := payer.waits(stage, cost, at)
		for i, name := range names {
			text += ", " + name
			if waits[i] > wait {
				wait, reason = waits[i], "quota_exceeded"
				if strings.Contains(name, " throttle") {
					reason = "throttled"
				}
			}
		}
	}
	switch wait {
	case store.Never:
		reason = "never_fits"
	case 0:
		for payer := p; payer != nil; payer = payer.above {
			payer.charge(stage, cost, at)
			if plan := payer.limitsOn(stage); plan != nil && plan.Throttle != nil {
				payer.tokens -= tokensOf(plan, cost)
			}
		}
	}
	return reason + text, wait
}

// randomPlan returns a plan with an ID, or nil.
func randomPlan(rnd *rand.Rand, id string, scale int64) *usageplan.Plan {
	if rnd.IntN(4) == 0 {
		return nil
	}
	p := &usageplan.Plan{ID: id, ThrottleByCost: rnd.IntN(2) == 0}
	if rnd.IntN(2) == 0 {
		p.Throttle = throttle(1, 3+rnd.IntN(int(scale)))
	}
	for _, period := range []quota.Period{quota.Hour, quota.Day} {
		if rnd.IntN(3) > 0 {
			p.Quotas = append(p.Quotas, quota.Quota{Limit: scale + rnd.Int64N(scale*3), Period: period})
		}
	}
	return p
}

// TestGroupsModel plays random histories of an organisation, two teams and six keys, and
// compares every decision, wait and count with a plain model.
func TestGroupsModel(t *testing.T) {
	for seed := range uint64(30) {
		for name, counter := range map[string]func(store.Counter) store.Counter{
			"one step": func(c store.Counter) store.Counter { return c },
			"apart":    func(c store.Counter) store.Counter { return separate{c} },
		} {
			t.Run(fmt.Sprint(name, "/seed=", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { playGroups(t, rand.New(rand.NewPCG(seed, 1)), counter) })
			})
		}
	}
}

func playGroups(t *testing.T, rnd *rand.Rand, counter func(store.Counter) store.Counter) {
	h := newTree(t, func(cfg *parts) {
		cfg.Counter = counter(cfg.Counter)
		cfg.Account = throttle(1000, 1<<20) // a part of each charge, which never refuses
	})
	payers := newModel(h, rnd)
	type open struct {
		d     gate.Decision
		key   *modelPayer
		stage string
		at    time.Time
	}
	var settle []*open
	for i := range 400 {
		time.Sleep(time.Duration(rnd.IntN(4)*rnd.IntN(4)*rnd.IntN(300)) * time.Second)
		at := time.Now()
		o := &open{key: payers[3+rnd.IntN(6)], stage: []string{"prod", "test"}[rnd.IntN(2)], at: at}
		cost := 1 + rnd.Int64N(3)*rnd.Int64N(5)
		req := gate.Request{KeyID: strings.TrimPrefix(o.key.name, "key "), API: "pets", Stage: o.stage, Cost: cost}
		d, text := h.both(req)
		want, wait := o.key.admit(o.stage, cost, at)
		require.Equal(t, want, text, "step %d", i)
		require.Equal(t, wait, d.RetryAfter, "step %d", i)
		if d.Allowed {
			o.d.Outcome = d.Outcome
			settle = append(settle, o)
		}
		if len(settle) > 0 && rnd.IntN(3) == 0 {
			j := rnd.IntN(len(settle))
			o, actual := settle[j], rnd.Int64N(15)
			settle = append(settle[:j], settle[j+1:]...)
			for range 2 {
				require.NoError(t, h.gate.Settle(t.Context(), &o.d, actual))
			}
			for p := o.key; p != nil; p = p.above {
				p.charge(o.stage, actual-o.d.Cost, o.at)
			}
		}
		if i%20 == 0 {
			compareCounts(t, h, payers, at)
		}
	}
}

// newModel makes an organisation, two teams and six keys, with random plans. It returns
// them in this order.
func newModel(h *tree, rnd *rand.Rand) (payers []*modelPayer) {
	now := time.Now()
	add := func(id, kind string, above *modelPayer, scale int64, stages bool) *modelPayer {
		p := &modelPayer{name: kind + " " + id, plan: randomPlan(rnd, "plan-"+id, scale), filled: now, counts: map[string]int64{}, above: above}
		if p.plan != nil {
			if stages && rnd.IntN(3) == 0 {
				p.plan.Stages = []usageplan.Stage{{API: "pets", Name: "prod"}}
			}
			if p.plan.Throttle != nil {
				p.tokens = int64(p.plan.Throttle.Burst)
			}
			h.plan(*p.plan)
		}
		payers = append(payers, p)
		return p
	}
	planID := func(p *modelPayer) (suffix string, plans []string) {
		if p.plan == nil {
			return "", nil
		}
		return " " + p.plan.ID, []string{p.plan.ID}
	}
	acme := add("acme", "group", nil, 60, true)
	suffix, _ := planID(acme)
	h.group("acme" + suffix)
	var teams []*modelPayer
	for _, id := range []string{"search", "help"} {
		team := add(id, "group", acme, 40, true)
		suffix, _ := planID(team)
		h.group("acme>" + id + suffix)
		teams = append(teams, team)
	}
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		key := add(id, "key", teams[i%2], 20, false)
		_, plans := planID(key)
		h.member(id, []string{"search", "help"}[i%2], plans...)
	}
	return payers
}

func compareCounts(t *testing.T, h *tree, payers []*modelPayer, at time.Time) {
	for _, p := range payers {
		kind, id, _ := strings.Cut(p.name, " ")
		var days []quota.DayUsage
		var err error
		if kind == "group" {
			days, err = h.gate.GroupUsageByDay(t.Context(), id, 2)
		} else {
			planID := ""
			if p.plan != nil {
				planID = p.plan.ID
			}
			days, err = h.gate.UsageByDay(t.Context(), planID, id, 2)
		}
		require.NoError(t, err)
		require.Equal(t, []int64{p.counts[modelDay(at.Add(-24*time.Hour))], p.counts[modelDay(at)]}, used(days), p.name)
	}
}
